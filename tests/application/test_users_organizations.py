"""Members, roles, invitations, API keys, the audit log and WABA links."""

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from tests.application.test_users_world import PASSWORD, a_world
from tidings.adapters.security import AesSealer
from tidings.application.ports.gateway import TokenMissing
from tidings.application.ports.users import AuditFilter
from tidings.application.teams import (
    Availability,
    NewMember,
    NewTeam,
    TeamMemberChange,
)
from tidings.application.users import (
    Acceptance,
    EmbeddedSignup,
    MemberChange,
    NewApiKey,
    NewInvitation,
    NewRole,
    NewWaba,
    OrganizationChange,
    Resealed,
    Resealing,
)
from tidings.application.users.inviting import AlreadyMember
from tidings.application.users.keys import ApiKeyNotFound
from tidings.application.users.opening import MemberSuspended
from tidings.domain.events import MemberRemoved
from tidings.domain.kernel import NotPermitted, Permission, Role, UserId, WabaId
from tidings.domain.teams import NoSuchMember, Strategy, TeamNameTaken, TeamNotFound
from tidings.domain.users import (
    BadAccount,
    BadApiKey,
    BadRole,
    BadToken,
    InvitationNotFound,
    InvitationSpent,
    InvitationState,
    LastOwner,
    MemberNotFound,
    MoreThanYouHave,
    NotYourself,
    RoleInUse,
    RoleNameTaken,
    RoleNotFound,
    SessionNeeded,
    SpentProof,
    UserNotFound,
    WabaNotFound,
    WabaTaken,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path):
    world = await a_world(tmp_path)
    yield world
    await world.close()


@pytest.fixture
async def owner(world):
    return await world.actor(await world.somebody("owner"))


# Invitations.


async def test_an_invitation_makes_an_account_with_the_role_that_was_meant(world, owner):
    signed_in = await world.colleague(owner, "ben", Role.VIEWER)
    actor = await world.actor(signed_in)
    assert (actor.organization_id, actor.role) == (owner.organization_id, Role.VIEWER)
    assert signed_in.user.verified_at is not None
    states = [each.state for each in (await world.invitations.page(owner)).items]
    assert states == [InvitationState.ACCEPTED]


async def test_who_has_an_account_joins_without_being_signed_in_by_the_letter(world, owner):
    await world.somebody("ben")
    await world.invitations.invite(owner, NewInvitation(email="Ben@example.org", role=Role.ADMIN))
    await world.postman.tick()
    accepted = await world.invitations.accept(Acceptance(token=world.mail.token("ben@example.org")))
    assert accepted.signed_in is None
    ben = await world.actor(await world.login("ben", organization_id=owner.organization_id))
    assert ben.role is Role.ADMIN
    assert len(await world.sessions.organizations(ben)) == 2


async def test_a_letter_is_good_once_and_a_newer_one_voids_it(world, owner):
    sent = await world.invitations.invite(owner, NewInvitation(email="ben@example.org"))
    await world.postman.tick()
    older = world.mail.token("ben@example.org")
    await world.invitations.send_again(owner, sent.invitation.id)
    await world.postman.tick()
    newer = world.mail.token("ben@example.org")
    with pytest.raises(SpentProof):
        await world.invitations.accept(Acceptance(token=older, name="Ben", password=PASSWORD))
    await world.invitations.accept(Acceptance(token=newer, name="Ben", password=PASSWORD))
    with pytest.raises(SpentProof):
        await world.invitations.accept(Acceptance(token=newer, name="Ben", password=PASSWORD))
    with pytest.raises(InvitationSpent):
        await world.invitations.send_again(owner, sent.invitation.id)


async def test_an_invitation_expires_and_can_be_sent_again(world, owner):
    sent = await world.invitations.invite(owner, NewInvitation(email="ben@example.org"))
    await world.postman.tick()
    world.clock.pass_(days=7)
    with pytest.raises(SpentProof):
        await world.invitations.accept(
            Acceptance(token=world.mail.token("ben@example.org"), name="Ben", password=PASSWORD)
        )
    owner = await world.actor(await world.login("owner"))
    assert (await world.invitations.page(owner)).items[0].state is InvitationState.EXPIRED
    again = await world.invitations.send_again(owner, sent.invitation.id)
    assert again.state is InvitationState.PENDING
    await world.postman.tick()
    acceptance = Acceptance(token=world.mail.token("ben@example.org"), name="Ben", password=PASSWORD)
    assert (await world.invitations.accept(acceptance)).signed_in


async def test_an_invitation_that_was_taken_back_is_good_for_nothing(world, owner):
    sent = await world.invitations.invite(owner, NewInvitation(email="ben@example.org"))
    await world.postman.tick()
    await world.invitations.revoke(owner, sent.invitation.id)
    with pytest.raises(SpentProof):
        await world.invitations.accept(
            Acceptance(token=world.mail.token("ben@example.org"), name="Ben", password=PASSWORD)
        )
    stranger = await world.actor(await world.somebody())
    with pytest.raises(InvitationNotFound):
        await world.invitations.revoke(stranger, sent.invitation.id)


async def test_an_invitation_dies_with_the_right_to_give_it(world, owner):
    admin = await world.actor(await world.colleague(owner, "admin", Role.ADMIN))
    await world.invitations.invite(admin, NewInvitation(email="friend@example.org", role=Role.ADMIN))
    await world.postman.tick()
    await world.organizations.change_member(owner, admin.user_id, MemberChange(role=Role.VIEWER))
    with pytest.raises(SpentProof):
        await world.invitations.accept(
            Acceptance(token=world.mail.token("friend@example.org"), name="F", password=PASSWORD)
        )


async def test_nobody_invites_a_member_or_above_their_own_rights(world, owner):
    admin = await world.actor(await world.colleague(owner, "admin", Role.ADMIN))
    with pytest.raises(AlreadyMember):
        await world.invitations.invite(owner, NewInvitation(email="admin@example.org"))
    with pytest.raises(MoreThanYouHave):
        await world.invitations.invite(admin, NewInvitation(email="x@example.org", role=Role.OWNER))
    member = await world.actor(await world.colleague(owner, "member"))
    with pytest.raises(NotPermitted):
        await world.invitations.invite(member, NewInvitation(email="x@example.org"))


async def test_a_newcomer_without_name_or_password_is_told_both(world, owner):
    await world.invitations.invite(owner, NewInvitation(email="ben@example.org"))
    await world.postman.tick()
    token = world.mail.token("ben@example.org")
    with pytest.raises(BadAccount) as error:
        await world.invitations.accept(Acceptance(token=token))
    assert {fault.field for fault in error.value.faults} == {"name", "password"}
    await world.invitations.accept(Acceptance(token=token, name="Ben", password=PASSWORD))


# Members and roles.


async def test_a_demotion_ends_sign_ins_and_holds_at_once(world, owner):
    signed_in = await world.colleague(owner, "ben", Role.ADMIN)
    ben = await world.actor(signed_in)
    await world.organizations.change_member(owner, ben.user_id, MemberChange(role=Role.VIEWER))
    with pytest.raises(BadToken):
        await world.actor(signed_in)
    assert (await world.actor(await world.login("ben"))).role is Role.VIEWER


async def test_a_suspended_member_may_do_nothing_until_readmitted(world, owner):
    signed_in = await world.colleague(owner, "ben")
    ben = await world.actor(signed_in)
    key = await world.api_keys.create(ben, NewApiKey(name="k", scopes=(Permission.CONTACTS_READ,)))
    header = f"Bearer {key.key}".encode()
    assert await world.bearers.actor(header)
    await world.organizations.change_member(owner, ben.user_id, MemberChange(suspended=True))
    for secret in (header, f"Bearer {signed_in.token}".encode()):
        with pytest.raises(BadToken):
            await world.bearers.actor(secret)
    with pytest.raises(MemberSuspended):
        await world.login("ben")
    with pytest.raises(UserNotFound):
        await world.accounts.require_member(owner.organization_id, ben.user_id)
    await world.organizations.change_member(owner, ben.user_id, MemberChange(suspended=False))
    assert await world.login("ben")


async def test_who_is_removed_is_in_no_team_and_no_list(world, owner):
    signed_in = await world.colleague(owner, "ben")
    ben = await world.actor(signed_in)
    team = await world.teams.add(owner, NewTeam(name="Support"))
    await world.teams.join(owner, team.id, NewMember(user_id=ben.user_id))
    await world.organizations.remove_member(owner, ben.user_id)
    with pytest.raises(BadToken):
        await world.actor(signed_in)
    _, envelope = (await world.outbox.waiting(10))[-1]
    assert envelope.type == "users.member_removed.v1"
    event = MemberRemoved(organization_id=owner.organization_id, user_id=ben.user_id)
    await world.teams.member_removed(envelope.id, event)
    await world.teams.member_removed(envelope.id, event)
    assert await world.teams.members(owner, team.id) == []
    with pytest.raises(MemberNotFound):
        await world.organizations.remove_member(owner, ben.user_id)
    with pytest.raises(UserNotFound):
        await world.teams.join(owner, team.id, NewMember(user_id=ben.user_id))
    # Who belongs nowhere gets a place of their own when they sign in again.
    assert (await world.login("ben")).organization.personal


async def test_an_organisation_keeps_an_owner(world, owner):
    with pytest.raises(LastOwner):
        await world.organizations.leave(owner)
    ben = await world.actor(await world.colleague(owner, "ben", Role.OWNER))
    with pytest.raises(NotYourself):
        await world.organizations.change_member(ben, ben.user_id, MemberChange(role=Role.VIEWER))
    await world.organizations.change_member(ben, owner.user_id, MemberChange(role=Role.ADMIN))
    with pytest.raises(LastOwner):
        await world.organizations.leave(ben)


async def test_an_admin_cannot_touch_an_owner_nor_make_one(world, owner):
    admin = await world.actor(await world.colleague(owner, "admin", Role.ADMIN))
    ben = await world.actor(await world.colleague(owner, "ben"))
    with pytest.raises(MoreThanYouHave):
        await world.organizations.change_member(admin, owner.user_id, MemberChange(role=Role.VIEWER))
    with pytest.raises(MoreThanYouHave):
        await world.organizations.remove_member(admin, owner.user_id)
    with pytest.raises(MoreThanYouHave):
        await world.organizations.change_member(admin, ben.user_id, MemberChange(role=Role.OWNER))
    stranger = await world.actor(await world.somebody())
    with pytest.raises(MemberNotFound):
        await world.organizations.change_member(stranger, ben.user_id, MemberChange(role=Role.VIEWER))


READ_CONTACTS = (Permission.CONTACTS_READ,)


async def test_a_custom_role_allows_exactly_what_it_names_and_changes_hold_at_once(world, owner):
    role = await world.roles.add(owner, NewRole(name="Reader", permissions=READ_CONTACTS))
    signed_in = await world.colleague(owner, "ben", Role.CUSTOM, role_id=role.id)
    ben = await world.actor(signed_in)
    assert ben.rights == {Permission.CONTACTS_READ}
    with pytest.raises(NotPermitted):
        ben.require(Permission.CONTACTS_WRITE)
    await world.roles.change(owner, role.id, NewRole(name="Looker", permissions=(Permission.TEAMS_READ,)))
    assert (await world.actor(signed_in)).rights == {Permission.TEAMS_READ}
    with pytest.raises(RoleInUse):
        await world.roles.remove(owner, role.id)
    await world.organizations.change_member(owner, ben.user_id, MemberChange(role=Role.MEMBER))
    await world.roles.remove(owner, role.id)
    assert await world.roles.all(owner) == []


async def test_nobody_makes_a_role_above_their_own_rights(world, owner):
    manages = await world.roles.add(
        owner, NewRole(name="Manages", permissions=(Permission.MEMBERS_WRITE, Permission.MEMBERS_READ))
    )
    ben = await world.actor(await world.colleague(owner, "ben", Role.CUSTOM, role_id=manages.id))
    with pytest.raises(MoreThanYouHave):
        await world.roles.add(ben, NewRole(name="All", permissions=tuple(Permission)))
    with pytest.raises(MoreThanYouHave):
        await world.roles.change(ben, manages.id, NewRole(name="Manages", permissions=tuple(Permission)))
    with pytest.raises(MoreThanYouHave):
        await world.invitations.invite(ben, NewInvitation(email="x@example.org", role=Role.MEMBER))
    own = NewRole(name="Small", permissions=(Permission.MEMBERS_READ,))
    assert await world.roles.add(ben, own)


async def test_faults_of_roles_are_named(world, owner):
    with pytest.raises(BadRole) as error:
        await world.roles.add(owner, NewRole(name=" Owner ", permissions=()))
    assert {(f.field, f.rule) for f in error.value.faults} == {
        ("name", "reserved"),
        ("permissions", "required"),
    }
    await world.roles.add(owner, NewRole(name="Reader", permissions=READ_CONTACTS))
    with pytest.raises(RoleNameTaken):
        await world.roles.add(owner, NewRole(name="Reader", permissions=READ_CONTACTS))
    with pytest.raises(BadRole):
        await world.invitations.invite(owner, NewInvitation(email="x@example.org", role=Role.CUSTOM))
    stranger = await world.actor(await world.somebody())
    role = (await world.roles.all(owner))[0]
    with pytest.raises(RoleNotFound):
        await world.roles.change(stranger, role.id, NewRole(name="Mine", permissions=READ_CONTACTS))


# API keys.


async def test_an_api_key_is_narrower_than_its_maker_and_never_wider(world, owner):
    signed_in = await world.colleague(owner, "ben")
    ben = await world.actor(signed_in)
    with pytest.raises(MoreThanYouHave):
        await world.api_keys.create(ben, NewApiKey(name="k", scopes=(Permission.MEMBERS_WRITE,)))
    scopes = (Permission.CONTACTS_READ, Permission.CONTACTS_WRITE)
    shown = await world.api_keys.create(ben, NewApiKey(name="import", scopes=scopes))
    header = f"Bearer {shown.key}".encode()
    assert (await world.bearers.actor(header)).rights == set(scopes)
    await world.organizations.change_member(owner, ben.user_id, MemberChange(role=Role.VIEWER))
    assert (await world.bearers.actor(header)).rights == {Permission.CONTACTS_READ}
    listed = await world.api_keys.all(owner)
    assert [(key.name, key.prefix) for key in listed] == [("import", shown.key[:10])]
    assert listed[0].last_used_at == world.clock()


async def test_a_key_is_revoked_at_once_and_ends_by_itself(world, owner):
    ends = world.clock() + __import__("datetime").timedelta(days=2)
    first = await world.api_keys.create(owner, NewApiKey(name="a", scopes=READ_CONTACTS, ends_at=ends))
    second = await world.api_keys.create(owner, NewApiKey(name="b", scopes=READ_CONTACTS, ends_at=ends))
    headers = [f"Bearer {each.key}".encode() for each in (first, second)]
    for header in headers:
        assert await world.bearers.actor(header)
    await world.api_keys.revoke(owner, first.api_key.id)
    with pytest.raises(BadToken):
        await world.bearers.actor(headers[0])
    world.clock.pass_(days=2)
    with pytest.raises(BadToken):
        await world.bearers.actor(headers[1])


async def test_a_key_makes_no_keys_and_no_owners(world, owner):
    shown = await world.api_keys.create(owner, NewApiKey(name="all", scopes=tuple(Permission)))
    program = await world.bearers.actor(f"Bearer {shown.key}".encode())
    with pytest.raises(SessionNeeded):
        await world.api_keys.create(program, NewApiKey(name="k", scopes=READ_CONTACTS))
    with pytest.raises(MoreThanYouHave):
        await world.invitations.invite(program, NewInvitation(email="x@example.org", role=Role.OWNER))


async def test_faults_of_keys_are_named_and_other_peoples_are_hidden(world, owner):
    with pytest.raises(BadApiKey) as error:
        await world.api_keys.create(owner, NewApiKey(name="", scopes=(), ends_at=world.clock()))
    assert {fault.field for fault in error.value.faults} == {"name", "scopes", "endsAt"}
    key = (await world.api_keys.create(owner, NewApiKey(name="k", scopes=READ_CONTACTS))).api_key
    ben = await world.actor(await world.colleague(owner, "ben"))
    assert await world.api_keys.all(ben) == []
    stranger = await world.actor(await world.somebody())
    for other in (ben, stranger):
        with pytest.raises(ApiKeyNotFound):
            await world.api_keys.revoke(other, key.id)


# The audit log.


async def entries(world, actor, **wanted):
    return (await world.audit.page(actor, AuditFilter(**wanted), limit=100)).items


async def test_every_change_says_who_what_before_after_when_and_from_where(world, owner):
    owner = replace(owner, origin="192.0.2.7")
    await world.organizations.change(owner, OrganizationChange(name="Acme", city="Bergen"))
    newest = (await entries(world, owner))[0]
    assert newest.what == "organization:changed"
    assert newest.user_id == owner.user_id
    assert newest.origin == "192.0.2.7"
    assert newest.at == world.clock()
    assert newest.before == {"name": "Owner", "city": "", "personal": True}
    assert newest.after == {"name": "Acme", "city": "Bergen", "personal": False}


async def test_the_log_is_filtered_and_belongs_to_the_organisation(world, owner):
    ben = await world.actor(await world.colleague(owner, "ben", Role.ADMIN))
    stranger = await world.actor(await world.somebody())
    assert {e.what for e in await entries(world, owner, user_id=ben.user_id)} == {
        "member:joined",
        "session:opened",
    }
    assert [e.what for e in await entries(world, owner, what="invitation:")] == ["invitation:sent"]
    assert len(await entries(world, owner, subject=str(ben.user_id))) == 1
    assert not {e.id for e in await entries(world, owner)} & {e.id for e in await entries(world, stranger)}
    viewer = await world.actor(await world.colleague(owner, "viewer", Role.VIEWER))
    with pytest.raises(NotPermitted):
        await entries(world, viewer)


async def test_pages_of_the_log_follow_one_another(world, owner):
    for n in range(7):
        await world.roles.add(owner, NewRole(name=f"Role {n}", permissions=READ_CONTACTS))
    seen, cursor = [], None
    for _ in range(10):
        page = await world.audit.page(owner, AuditFilter(), cursor=cursor, limit=3)
        seen += [entry.seq for entry in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == list(range(len(seen), 0, -1))


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE users_audit SET what = 'nothing:happened' WHERE seq = 2",
        "DELETE FROM users_audit WHERE seq = 2",
        "DELETE FROM users_audit WHERE seq = (SELECT MAX(seq) FROM users_audit)",
        "UPDATE users_audit SET user_id = NULL WHERE seq = 1",
    ],
)
async def test_tampering_shows(world, owner, tampering):
    await world.roles.add(owner, NewRole(name="Reader", permissions=READ_CONTACTS))
    assert (await world.audit.verify(owner)).intact
    async with world.databases[0].begin() as connection:
        await connection.execute(text(tampering))
    verdict = await world.audit.verify(owner)
    assert not verdict.intact
    assert verdict.first_broken


async def test_changes_of_other_contexts_arrive_once(world, owner):
    import msgspec

    from tidings.domain.events import AnyEvent

    team = await world.teams.add(owner, NewTeam(name="Support"))
    await world.teams.change(owner, team.id, NewTeam(name="Sales"))
    for _, envelope in await world.teams_outbox.waiting(10):
        event = msgspec.json.decode(envelope.body, type=AnyEvent)
        await world.audit.changes_made([(envelope.id, event)])
        await world.audit.changes_made([(envelope.id, event)])
    told = [(e.what, e.before, e.after) for e in await entries(world, owner, what="team:")]
    assert told[0] == ("team:changed", {"name": "Support"}, {"name": "Sales"})
    assert len(told) == 2
    assert (await world.audit.verify(owner)).intact


# WABA links.

TOKEN = "EAAGsecretsecret"


async def test_a_waba_is_connected_with_its_numbers_and_its_token_sealed(world, owner, tmp_path):
    waba = await world.wabas.connect(owner, NewWaba(waba_id=WabaId("1001"), access_token=TOKEN))
    assert await world.wabas.token(WabaId("1001")) == TOKEN
    assert await world.wabas.all(owner) == [waba]
    assert await world.wabas.organization_of(WabaId("1001")) == owner.organization_id
    _, envelope = (await world.outbox.waiting(10))[-1]
    assert envelope.type == "users.waba_connected.v1"
    assert TOKEN.encode() not in envelope.body
    await world.close()
    assert not [p for p in tmp_path.iterdir() if TOKEN.encode() in p.read_bytes()]


async def test_a_sealed_token_opens_in_its_own_row_alone(world, owner):
    await world.wabas.connect(owner, NewWaba(waba_id=WabaId("1001"), access_token=TOKEN))
    await world.wabas.connect(owner, NewWaba(waba_id=WabaId("1002"), access_token="EAAother"))
    async with world.databases[0].begin() as connection:
        await connection.execute(
            text(
                "UPDATE users_wabas SET sealed_token = "
                "(SELECT sealed_token FROM users_wabas WHERE waba_id = '1001') WHERE waba_id = '1002'"
            )
        )
    with pytest.raises(ValueError, match="another place"):
        await world.wabas.token(WabaId("1002"))


async def test_the_sealing_key_is_rotated_while_tokens_stay_readable(world, owner):
    await world.wabas.connect(owner, NewWaba(waba_id=WabaId("1001"), access_token=TOKEN))
    both = replace_sealer(world, AesSealer(["n" * 40, "s" * 40]))
    assert await both.token(WabaId("1001")) == TOKEN
    resealing = Resealing(world.wabas.begin, both.sealer)
    assert await resealing.run() == Resealed(access_tokens=1)
    assert await resealing.run() == Resealed()
    assert await replace_sealer(world, AesSealer(["n" * 40])).token(WabaId("1001")) == TOKEN


def replace_sealer(world, sealer):
    from dataclasses import replace as changed

    return changed(world.wabas, sealer=sealer)


async def test_a_waba_belongs_to_one_organisation(world, owner):
    await world.wabas.connect(owner, NewWaba(waba_id=WabaId("1001"), access_token=TOKEN))
    stranger = await world.actor(await world.somebody())
    with pytest.raises(WabaTaken):
        await world.wabas.connect(stranger, NewWaba(waba_id=WabaId("1001"), access_token="EAAmine"))
    with pytest.raises(WabaNotFound):
        await world.wabas.disconnect(stranger, WabaId("1001"))
    assert await world.wabas.token(WabaId("1001")) == TOKEN
    await world.wabas.disconnect(owner, WabaId("1001"))
    with pytest.raises(TokenMissing):
        await world.wabas.token(WabaId("1001"))
    assert await world.wabas.connect(stranger, NewWaba(waba_id=WabaId("1001"), access_token="EAAmine"))


async def test_embedded_signup_connects_what_its_token_shows_and_subscribes(world, owner):
    world.meta.shown = ("1001", "1002")
    linked = await world.wabas.sign_up(owner, EmbeddedSignup(code="c0de"))
    assert [waba.waba_id for waba in linked] == world.meta.subscribed == ["1001", "1002"]
    assert await world.wabas.token(WabaId("1002")) == "EAA-c0de"
    with pytest.raises(WabaNotFound):
        await world.wabas.sign_up(owner, EmbeddedSignup(code="c0de", waba_id=WabaId("9")))


async def test_faults_of_a_waba_are_named(world, owner):
    with pytest.raises(BadAccount) as error:
        await world.wabas.connect(owner, NewWaba(waba_id=WabaId("12x"), access_token=" "))
    assert {fault.field for fault in error.value.faults} == {"wabaId", "accessToken"}


# Teams.


async def test_a_team_gives_turns_to_who_can_take_them(world, owner):
    ben = await world.actor(await world.colleague(owner, "ben"))
    cleo = await world.actor(await world.colleague(owner, "cleo"))
    team = await world.teams.add(owner, NewTeam(name="Support"))
    for user in (owner.user_id, ben.user_id, cleo.user_id):
        await world.teams.join(owner, team.id, NewMember(user_id=user))
    turns = [await world.teams.assign(owner.organization_id, team.id, {}) for _ in range(6)]
    assert sorted(turns[:3], key=str) == sorted({owner.user_id, ben.user_id, cleo.user_id}, key=str)
    assert turns[:3] == turns[3:]
    await world.teams.set_available(ben, team.id, Availability(available=False))
    await world.teams.change_member(owner, team.id, cleo.user_id, TeamMemberChange(capacity=2))
    loads = {cleo.user_id: 2}
    assert {await world.teams.assign(owner.organization_id, team.id, loads) for _ in range(3)} == {
        owner.user_id
    }
    await world.teams.change(owner, team.id, NewTeam(name="Support", strategy=Strategy.MANUAL))
    assert await world.teams.assign(owner.organization_id, team.id, {}) is None


async def test_teams_are_of_one_organisation(world, owner):
    team = await world.teams.add(owner, NewTeam(name="Support"))
    with pytest.raises(TeamNameTaken):
        await world.teams.add(owner, NewTeam(name="Support"))
    stranger = await world.actor(await world.somebody())
    await world.teams.add(stranger, NewTeam(name="Support"))
    for attempt in (
        world.teams.get(stranger, team.id),
        world.teams.change(stranger, team.id, NewTeam(name="Mine")),
        world.teams.remove(stranger, team.id),
        world.teams.members(stranger, team.id),
        world.teams.join(stranger, team.id, NewMember(user_id=stranger.user_id)),
        world.teams.assign(stranger.organization_id, team.id, {}),
    ):
        with pytest.raises(TeamNotFound):
            await attempt
    with pytest.raises(UserNotFound):
        await world.teams.join(owner, team.id, NewMember(user_id=UserId(stranger.user_id)))
    with pytest.raises(NoSuchMember):
        await world.teams.leave(owner, team.id, stranger.user_id)
