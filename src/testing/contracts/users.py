"""What stores of users and organisations promise: whole, apart, once, and undone by an exception."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.adapters.embedded.system import uuid7
from tidings.domain.events import OrganizationCreated
from tidings.domain.kernel import OrganizationId, Permission, Role, UserId
from tidings.domain.users import (
    Credential,
    CustomRole,
    EmailTaken,
    Invitation,
    InvitationId,
    InvitationNotFound,
    Membership,
    Organization,
    OrganizationNotFound,
    RoleId,
    RoleInUse,
    RoleNameTaken,
    RoleNotFound,
    User,
)
from tidings.testing.contracts.user_stores import (
    NOON,
    OfAnOwner,
    Stores,
    a_user,
    an_organization,
    many,
    words,
)


def a_role(organization: Organization, **given: Any) -> CustomRole:
    known: dict[str, Any] = {"name": "Reader", "permissions": (Permission.CONTACTS_READ,)}
    return CustomRole(
        id=RoleId(uuid7()),
        organization_id=organization.id,
        created_at=NOON,
        updated_at=NOON,
        **(known | given),
    )


def an_invitation(user: User, organization: Organization, **given: Any) -> Invitation:
    known: dict[str, Any] = {"email": "ben@example.org", "role": Role.MEMBER}
    return Invitation(
        id=InvitationId(uuid7()),
        organization_id=organization.id,
        invited_by=user.id,
        created_at=NOON,
        ends_at=NOON + timedelta(days=7),
        **(known | given),
    )


@pytest.mark.anyio
class UsersContract(OfAnOwner):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    @many
    @given(name=words, verified=st.one_of(st.none(), st.just(NOON)))
    async def test_a_user_comes_back_whole(
        self, stores: Stores, name: str, verified: datetime | None
    ) -> None:
        user = a_user(name=name, verified_at=verified)
        credential = Credential(user_id=user.id, password_hash=None)
        async with stores.begin() as work:
            await work.users.add(user, credential)
        async with stores.read() as look:
            assert await look.users.get(user.id) == user
            assert await look.users.by_email(user.email) == (user, credential)
            assert await look.users.credential(user.id) == credential

    async def test_an_email_is_one_users(self, stores: Stores, user: User) -> None:
        other = a_user()

        async def twice():
            async with stores.begin() as work:
                twin = a_user(email=user.email)
                await work.users.add(twin, Credential(user_id=twin.id, password_hash="x"))

        async def moved():
            async with stores.begin() as work:
                await work.users.add(other, Credential(user_id=other.id, password_hash="x"))
                await work.users.save(replace(other, email=user.email))

        for attempt in (twice, moved):
            with pytest.raises(EmailTaken):
                await attempt()
        async with stores.read() as look:
            assert await look.users.by_email(other.email) is None

    async def test_an_exception_undoes_everything(self, stores: Stores) -> None:
        user, organization = a_user(), an_organization()

        async def half_way():
            async with stores.begin() as work:
                await work.users.add(user, Credential(user_id=user.id, password_hash="x"))
                await work.organizations.add(organization)
                await work.outbox.put(
                    OrganizationCreated(organization_id=organization.id, name="A", owner_id=user.id)
                )
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await half_way()
        async with stores.read() as look:
            assert await look.users.by_email(user.email) is None
            with pytest.raises(OrganizationNotFound):
                await look.organizations.get(organization.id)

    @many
    @given(name=words, city=words, personal=st.booleans())
    async def test_an_organisation_comes_back_whole(
        self, stores: Stores, name: str, city: str, personal: bool
    ) -> None:
        organization = an_organization(name=name, city=city, personal=personal)
        async with stores.begin() as work:
            await work.organizations.add(organization)
        async with stores.read() as look:
            assert await look.organizations.get(organization.id) == organization


@pytest.mark.anyio
class MembersContract(OfAnOwner):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    async def test_a_standing_tells_the_role_as_it_is_now(
        self, stores: Stores, user: User, organization: Organization
    ) -> None:
        role = a_role(organization)
        member = Membership(
            organization_id=organization.id,
            user_id=user.id,
            role=Role.CUSTOM,
            role_id=role.id,
            joined_at=NOON,
        )
        async with stores.begin() as work:
            await work.roles.add(role)
            await work.organizations.set_membership(member)
            changed = replace(role, permissions=(Permission.TEAMS_READ, Permission.TEAMS_WRITE))
            await work.roles.save(changed)
        async with stores.read() as look:
            standing = await look.organizations.standing(organization.id, user.id)
            assert standing is not None
            assert (standing.membership, standing.custom) == (member, changed)
            assert await look.organizations.standing(OrganizationId(uuid7()), user.id) is None

    async def test_a_role_in_use_stays_and_names_are_the_organisations_own(
        self, stores: Stores, user: User, organization: Organization
    ) -> None:
        role, other = a_role(organization), an_organization()
        async with stores.begin() as work:
            await work.roles.add(role)
            await work.roles.add(a_role(other))
        with pytest.raises(RoleNameTaken):
            async with stores.begin() as work:
                await work.roles.add(replace(role, id=RoleId(uuid7())))
        with pytest.raises(RoleNotFound):
            async with stores.read() as look:
                await look.roles.get(other.id, role.id)
        async with stores.begin() as work:
            await work.invitations.add(an_invitation(user, organization, role=Role.CUSTOM, role_id=role.id))
        with pytest.raises(RoleInUse):
            async with stores.begin() as work:
                await work.roles.remove(organization.id, role.id)

    async def test_joining_twice_keeps_what_one_is(
        self, stores: Stores, user: User, organization: Organization
    ) -> None:
        again = Membership(organization_id=organization.id, user_id=user.id, role=Role.VIEWER, joined_at=NOON)
        async with stores.begin() as work:
            await work.organizations.join(again)
            assert [m.role for m in await work.organizations.memberships(user.id)] == [Role.OWNER]

    async def test_members_page_without_gaps(self, stores: Stores, organization: Organization) -> None:
        people = [a_user() for _ in range(7)]
        async with stores.begin() as work:
            for person in people:
                await work.users.add(person, Credential(user_id=person.id, password_hash="x"))
                await work.organizations.join(
                    Membership(
                        organization_id=organization.id,
                        user_id=person.id,
                        role=Role.MEMBER,
                        joined_at=NOON,
                    )
                )
        seen, cursor = list[UserId](), None
        async with stores.read() as look:
            for _ in range(10):
                page = await look.organizations.members(organization.id, cursor=cursor, limit=3)
                seen += [member.user.id for member in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    break
        assert len(seen) == len(set(seen)) == 8
        assert {person.id for person in people} < set(seen)

    async def test_two_owners_who_leave_at_once_do_not_both_go(
        self, stores: Stores, user: User, organization: Organization
    ) -> None:
        """The owners' rows are locked while they are counted."""
        other = a_user()
        async with stores.begin() as work:
            await work.users.add(other, Credential(user_id=other.id, password_hash="x"))
            await work.organizations.join(
                Membership(organization_id=organization.id, user_id=other.id, role=Role.OWNER, joined_at=NOON)
            )

        async def leave(id: UserId):
            async with stores.begin() as work:
                owners = await work.organizations.owners(organization.id)
                await asyncio.sleep(0.01)
                if len(owners) > 1:
                    await work.organizations.leave(organization.id, id)

        await asyncio.gather(leave(user.id), leave(other.id))
        async with stores.read() as look:
            assert len(await look.organizations.owners(organization.id)) == 1

    async def test_an_invitation_comes_back_whole_to_its_organisation(
        self, stores: Stores, user: User, organization: Organization
    ) -> None:
        invitation = an_invitation(user, organization)
        async with stores.begin() as work:
            await work.invitations.add(invitation)
            assert await work.invitations.get(invitation.id, organization.id) == invitation
            assert await work.invitations.open_for(organization.id, "ben@example.org") == invitation
            with pytest.raises(InvitationNotFound):
                await work.invitations.get(invitation.id, OrganizationId(uuid7()))
            revoked = replace(invitation, revoked_at=NOON)
            await work.invitations.save(revoked)
            assert await work.invitations.open_for(organization.id, "ben@example.org") is None
            page = await work.invitations.page(organization.id, cursor=None, limit=10)
            assert list(page.items) == [revoked]
