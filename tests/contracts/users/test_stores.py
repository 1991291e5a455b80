"""Whole, apart, once, and undone by an exception: on SQLite and on MariaDB or MySQL."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.users import AuditFilter, SealedKind
from tidings.domain.events import OrganizationCreated
from tidings.domain.kernel import OrganizationId, Permission, Role, UserId, WabaId
from tidings.domain.users import (
    FIRST_HEAD,
    ApiKey,
    ApiKeyId,
    AuditEntry,
    Credential,
    CustomRole,
    EmailTaken,
    ExternalIdentity,
    Invitation,
    InvitationId,
    InvitationNotFound,
    Letter,
    LetterKind,
    Membership,
    Organization,
    OrganizationNotFound,
    Proof,
    Purpose,
    RoleId,
    RoleInUse,
    RoleNameTaken,
    RoleNotFound,
    SecondFactor,
    Session,
    SessionId,
    User,
    Waba,
    WabaNotFound,
    WabaTaken,
    fingerprint,
    first_broken,
)

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 11, 25, 12, 0, 0, 123456, tzinfo=UTC)
many = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def a_user(**given) -> User:
    id = uuid7()
    known = {"email": f"{id.hex}@example.org", "name": "Ada", "created_at": NOON, "updated_at": NOON}
    return User(id=UserId(id), **(known | given))


def an_organization(**given) -> Organization:
    known = {"name": "Acme", "created_at": NOON, "updated_at": NOON}
    return Organization(id=OrganizationId(uuid7()), **(known | given))


def a_secret() -> str:
    return fingerprint(str(uuid4()))


@pytest.fixture
async def user(stores):
    user = a_user()
    async with stores.begin() as work:
        await work.users.add(user, Credential(user_id=user.id, password_hash="$argon2id$x"))
    return user


@pytest.fixture
async def organization(stores, user):
    organization = an_organization()
    member = Membership(organization_id=organization.id, user_id=user.id, role=Role.OWNER, joined_at=NOON)
    async with stores.begin() as work:
        await work.organizations.add(organization)
        await work.organizations.join(member)
    return organization


@many
@given(name=words, verified=st.one_of(st.none(), st.just(NOON)))
async def test_a_user_comes_back_whole(stores, name, verified):
    user = a_user(name=name, verified_at=verified)
    credential = Credential(user_id=user.id, password_hash=None)
    async with stores.begin() as work:
        await work.users.add(user, credential)
    async with stores.read() as look:
        assert await look.users.get(user.id) == user
        assert await look.users.by_email(user.email) == (user, credential)
        assert await look.users.credential(user.id) == credential


async def test_an_email_is_one_users(stores, user):
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


async def test_an_exception_undoes_everything(stores):
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
async def test_an_organisation_comes_back_whole(stores, name, city, personal):
    organization = an_organization(name=name, city=city, personal=personal)
    async with stores.begin() as work:
        await work.organizations.add(organization)
    async with stores.read() as look:
        assert await look.organizations.get(organization.id) == organization


async def test_a_removed_user_leaves_nothing_that_proves_them(stores, user, organization):
    session = a_session(user, organization)
    async with stores.begin() as work:
        await work.sessions.add(session, refresh := a_secret())
        await work.factors.put(SecondFactor(user_id=user.id, sealed_secret=b"s"))
        await work.factors.set_codes(user.id, [a_secret()])
        await work.users.link(
            ExternalIdentity(issuer="https://i", subject=user.email, user_id=user.id, linked_at=NOON)
        )
        await work.keys.add(a_key(user, organization), key := a_secret())
        await work.users.remove(user.id)
    async with stores.begin() as work:
        assert await work.users.by_email(user.email) is None
        assert await work.sessions.get(session.id) is None
        assert await work.sessions.spend(refresh, NOON) == (None, False)
        assert await work.factors.get(user.id) is None
        assert await work.users.identity("https://i", user.email) is None
        assert await work.keys.by_fingerprint(key) is None


# Memberships and roles.


def a_role(organization, **given) -> CustomRole:
    known = {"name": "Reader", "permissions": (Permission.CONTACTS_READ,)}
    return CustomRole(
        id=RoleId(uuid7()),
        organization_id=organization.id,
        created_at=NOON,
        updated_at=NOON,
        **(known | given),
    )


async def test_a_standing_tells_the_role_as_it_is_now(stores, user, organization):
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
        assert (standing.membership, standing.custom) == (member, changed)
        assert await look.organizations.standing(OrganizationId(uuid7()), user.id) is None


async def test_a_role_in_use_stays_and_names_are_the_organisations_own(stores, user, organization):
    role, other = a_role(organization), an_organization()
    async with stores.begin() as work:
        await work.roles.add(role)
        await work.roles.add(a_role(other))
    for organization_id, error in ((organization.id, RoleNameTaken),):
        with pytest.raises(error):
            async with stores.begin() as work:
                await work.roles.add(replace(role, id=RoleId(uuid7()), organization_id=organization_id))
    with pytest.raises(RoleNotFound):
        async with stores.read() as look:
            await look.roles.get(other.id, role.id)
    async with stores.begin() as work:
        await work.invitations.add(an_invitation(user, organization, role=Role.CUSTOM, role_id=role.id))
    with pytest.raises(RoleInUse):
        async with stores.begin() as work:
            await work.roles.remove(organization.id, role.id)


async def test_joining_twice_keeps_what_one_is(stores, user, organization):
    again = Membership(organization_id=organization.id, user_id=user.id, role=Role.VIEWER, joined_at=NOON)
    async with stores.begin() as work:
        await work.organizations.join(again)
        assert [m.role for m in await work.organizations.memberships(user.id)] == [Role.OWNER]


async def test_members_page_without_gaps(stores, organization):
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
    seen, cursor = [], None
    async with stores.read() as look:
        for _ in range(10):
            page = await look.organizations.members(organization.id, cursor=cursor, limit=3)
            seen += [member.user.id for member in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert len(seen) == len(set(seen)) == 8
    assert {person.id for person in people} < set(seen)


async def test_two_owners_who_leave_at_once_do_not_both_go(stores, user, organization):
    """The owners' rows are locked while they are counted."""
    other = a_user()
    async with stores.begin() as work:
        await work.users.add(other, Credential(user_id=other.id, password_hash="x"))
        await work.organizations.join(
            Membership(organization_id=organization.id, user_id=other.id, role=Role.OWNER, joined_at=NOON)
        )

    async def leave(id):
        async with stores.begin() as work:
            owners = await work.organizations.owners(organization.id)
            await asyncio.sleep(0.01)
            if len(owners) > 1:
                await work.organizations.leave(organization.id, id)

    await asyncio.gather(leave(user.id), leave(other.id))
    async with stores.read() as look:
        assert len(await look.organizations.owners(organization.id)) == 1


# Invitations.


def an_invitation(user, organization, **given) -> Invitation:
    known = {"email": "ben@example.org", "role": Role.MEMBER}
    return Invitation(
        id=InvitationId(uuid7()),
        organization_id=organization.id,
        invited_by=user.id,
        created_at=NOON,
        ends_at=NOON + timedelta(days=7),
        **(known | given),
    )


async def test_an_invitation_comes_back_whole_to_its_organisation(stores, user, organization):
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


# Sign-ins.


def a_session(user, organization, **given) -> Session:
    known = {"origin": "192.0.2.1", "created_at": NOON, "ends_at": NOON + timedelta(days=30)}
    return Session(
        id=SessionId(uuid7()),
        user_id=user.id,
        organization_id=organization.id,
        **(known | given),
    )


async def test_of_many_at_once_one_spends_a_refresh_token(stores, user, organization):
    session, refresh = a_session(user, organization), a_secret()
    async with stores.begin() as work:
        await work.sessions.add(session, refresh)

    async def spend():
        async with stores.begin() as work:
            return await work.sessions.spend(refresh, NOON)

    answers = await asyncio.gather(*(spend() for _ in range(8)))
    assert all(found == session for found, _ in answers)
    assert sum(first for _, first in answers) == 1


async def test_spent_tokens_stay_known_until_the_sign_in_ends(stores, user, organization):
    session, first, second = a_session(user, organization), a_secret(), a_secret()
    async with stores.begin() as work:
        await work.sessions.add(session, first)
        await work.sessions.spend(first, NOON)
        await work.sessions.renew(session, second)
        assert await work.sessions.spend(first, NOON) == (session, False)
        await work.sessions.end(session.id)
        assert await work.sessions.spend(first, NOON) == (None, False)
        assert await work.sessions.spend(second, NOON) == (None, False)


async def test_sign_ins_end_by_organisation_but_for_the_one_to_keep(stores, user, organization):
    here, kept = a_session(user, organization), a_session(user, organization)
    there = a_session(user, an_organization())
    async with stores.begin() as work:
        for session in (here, kept, there):
            await work.sessions.add(session, a_secret())
        assert await work.sessions.familiar(user.email, "192.0.2.1")
        assert not await work.sessions.familiar(user.email, "192.0.2.2")
        await work.sessions.end_of(user.id, organization=organization.id, keep=kept.id)
        assert {each.id for each in await work.sessions.of(user.id)} == {kept.id, there.id}
        await work.sessions.end_of(user.id)
        assert await work.sessions.of(user.id) == []


async def test_what_ended_is_swept(stores, user, organization):
    old = a_session(user, organization, ends_at=NOON - timedelta(days=400))
    proof = a_proof(ends_at=NOON - timedelta(days=400))
    async with stores.begin() as work:
        await work.sessions.add(old, a_secret())
        await work.proofs.put(proof)
        await work.sessions.sweep(NOON - timedelta(days=399))
        assert await work.sessions.get(old.id) is None
        early = NOON - timedelta(days=401)
        assert await work.proofs.get(proof.fingerprint, proof.purpose, early) is None


# Proofs, factors, keys.


def a_proof(**given) -> Proof:
    known = {
        "fingerprint": a_secret(),
        "purpose": Purpose.RESET,
        "subject": str(uuid4()),
        "ends_at": NOON,
    }
    return Proof(**(known | given))


BEFORE = NOON - timedelta(seconds=1)


async def test_a_proof_is_good_once_in_time_and_for_its_purpose(stores):
    proof = a_proof()
    async with stores.begin() as work:
        await work.proofs.put(proof)
        assert await work.proofs.take(proof.fingerprint, Purpose.INVITATION, BEFORE) is None
        assert await work.proofs.take(proof.fingerprint, Purpose.RESET, NOON) is None
    async with stores.read() as look:
        assert await look.proofs.get(proof.fingerprint, Purpose.RESET, BEFORE) == proof

    async def take():
        async with stores.begin() as work:
            return await work.proofs.take(proof.fingerprint, Purpose.RESET, BEFORE)

    answers = await asyncio.gather(*(take() for _ in range(6)))
    assert [answer for answer in answers if answer] == [proof]


async def test_a_newer_proof_voids_the_older_of_its_subject(stores):
    older = a_proof()
    newer = a_proof(subject=older.subject)
    async with stores.begin() as work:
        await work.proofs.put(older)
        await work.proofs.put(newer)
        assert await work.proofs.take(older.fingerprint, Purpose.RESET, BEFORE) is None
        await work.proofs.void(Purpose.RESET, newer.subject)
        assert await work.proofs.take(newer.fingerprint, Purpose.RESET, BEFORE) is None


async def test_a_step_and_a_recovery_code_are_taken_once(stores, user):
    code = a_secret()
    async with stores.begin() as work:
        await work.factors.put(SecondFactor(user_id=user.id, sealed_secret=b"\0\xff"))
        await work.factors.set_codes(user.id, [code, a_secret()])

    async def both():
        async with stores.begin() as work:
            return (
                await work.factors.advance(user.id, 59_000_000),
                await work.factors.spend_code(user.id, code),
            )

    answers = await asyncio.gather(*(both() for _ in range(5)))
    assert [sum(answer[n] for answer in answers) for n in (0, 1)] == [1, 1]
    async with stores.begin() as work:
        assert not await work.factors.advance(user.id, 58_999_999)
        assert await work.factors.codes_left(user.id) == 1
        factor = await work.factors.get(user.id)
        assert (factor.sealed_secret, factor.last_step) == (b"\0\xff", 59_000_000)


def a_key(user, organization, **given) -> ApiKey:
    known = {
        "name": "import",
        "prefix": "tdk_abcdef",
        "scopes": (Permission.CONTACTS_READ, Permission.CONTACTS_WRITE),
        "created_at": NOON,
        "ends_at": NOON + timedelta(days=1),
    }
    return ApiKey(
        id=ApiKeyId(uuid7()),
        organization_id=organization.id,
        user_id=user.id,
        **(known | given),
    )


async def test_a_key_is_found_by_its_fingerprint_and_listed_for_its_organisation(stores, user, organization):
    key, secret = a_key(user, organization), a_secret()
    async with stores.begin() as work:
        await work.keys.add(key, secret)
        await work.keys.touch(key.id, NOON)
        assert await work.keys.by_fingerprint(secret) == replace(key, last_used_at=NOON)
        await work.keys.touch(key.id, BEFORE)
        assert (await work.keys.by_fingerprint(secret)).last_used_at == NOON
        assert await work.keys.of(OrganizationId(uuid7()), None) == []
        assert await work.keys.remove(key.id, OrganizationId(uuid7()), None) is None
        assert await work.keys.remove(key.id, organization.id, UserId(uuid7())) is None
        assert await work.keys.remove(key.id, organization.id, user.id)
        assert await work.keys.by_fingerprint(secret) is None


# Letters.


async def test_a_letter_is_one_postmans(stores):
    letter = Letter(
        id=uuid7(),
        kind=LetterKind.WARNING,
        subject=f"{uuid4().hex}@example.org",
        detail="é",
        due_at=NOON,
    )
    tried = replace(letter, attempts=1, due_at=NOON + timedelta(minutes=1))

    async def take():
        async with stores.begin() as work:
            return await work.letters.postpone(tried)

    async with stores.begin() as work:
        await work.letters.put(letter)
        assert letter in await work.letters.due(NOON, 100)
        assert letter not in await work.letters.due(BEFORE, 100)
    assert sum(await asyncio.gather(*(take() for _ in range(4)))) == 1
    async with stores.begin() as work:
        assert tried not in await work.letters.due(NOON, 100)
        await work.letters.done(tried)
        assert tried not in await work.letters.due(NOON + timedelta(hours=1), 100)


# The audit log.


def an_entry(organization, **given) -> AuditEntry:
    known = {"at": NOON, "what": "team:changed", "subject": str(uuid4())}
    return AuditEntry(id=uuid7(), organization_id=organization.id, **(known | given))


jsonish = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@many
@given(before=st.none() | st.dictionaries(words, jsonish, max_size=3))
async def test_the_chain_holds_whatever_was_written(stores, before):
    organization = an_organization()
    async with stores.begin() as work:
        await work.audit.append(an_entry(organization, before=before), an_entry(organization))
    async with stores.begin() as work:
        await work.audit.append(an_entry(organization, user_id=UserId(uuid7())))
    async with stores.read() as look:
        found = await look.audit.following(organization.id, 0, 10)
        assert [entry.seq for entry in found] == [1, 2, 3]
        assert found[0].before == before
        assert first_broken(FIRST_HEAD, found)[0] is None
        assert await look.audit.length(organization.id) == 3


async def test_many_who_write_at_once_make_one_chain(stores):
    organization = an_organization()

    async def write():
        async with stores.begin() as work:
            await work.audit.append(an_entry(organization))

    await asyncio.gather(*(write() for _ in range(12)))
    async with stores.read() as look:
        found = await look.audit.following(organization.id, 0, 100)
        assert [entry.seq for entry in found] == list(range(1, 13))
        assert first_broken(FIRST_HEAD, found)[0] is None


async def test_the_log_is_filtered(stores):
    organization, somebody = an_organization(), UserId(uuid7())
    entries = [
        an_entry(organization, what="team:changed", user_id=somebody),
        an_entry(organization, what="team:removed", at=NOON + timedelta(days=1)),
        an_entry(organization, what="member:removed", subject="%_"),
    ]
    async with stores.begin() as work:
        await work.audit.append(*entries)

    async def count(**wanted):
        async with stores.read() as look:
            page = await look.audit.page(organization.id, AuditFilter(**wanted), cursor=None, limit=10)
            return len(page.items)

    assert await count() == 3
    assert await count(what="team:") == 2
    assert await count(what="team:removed") == 1
    assert await count(what="%:") == 0
    assert await count(user_id=somebody) == 1
    assert await count(subject="%_") == 1
    assert await count(since=NOON + timedelta(hours=1)) == 1
    assert await count(until=NOON + timedelta(hours=1)) == 2


# WABA links.


async def test_a_waba_is_one_organisations_even_when_two_ask_at_once(stores):
    waba_id = WabaId(str(uuid4().int)[:20])
    links = [Waba(waba_id=waba_id, organization_id=an_organization().id, connected_at=NOON) for _ in range(4)]

    async def connect(link):
        async with stores.begin() as work:
            await work.wabas.put(link, b"sealed")

    answers = await asyncio.gather(*(connect(link) for link in links), return_exceptions=True)
    assert sum(answer is None for answer in answers) == 1
    assert sum(isinstance(answer, WabaTaken) for answer in answers) == 3
    winner = links[answers.index(None)]
    async with stores.begin() as work:
        assert await work.wabas.sealed(waba_id) == (winner, b"sealed")
        assert (winner, b"sealed") in await work.wabas.all(None, 1000)
        with pytest.raises(WabaNotFound):
            await work.wabas.remove(OrganizationId(uuid7()), waba_id)
        await work.wabas.put(winner, b"anew")
        await work.wabas.remove(winner.organization_id, waba_id)
        assert await work.wabas.sealed(waba_id) is None


async def test_secrets_at_rest_are_found_in_order_and_changed_only_as_they_were_read(stores, user):
    links = [
        Waba(
            waba_id=WabaId(f"5{uuid4().int % 10**12:012}"),
            organization_id=OrganizationId(uuid7()),
            connected_at=NOON,
        )
        for _ in range(3)
    ]
    async with stores.begin() as work:
        for link in links:
            await work.wabas.put(link, b"token")
        await work.factors.put(SecondFactor(user_id=user.id, sealed_secret=b"seed"))
        seen, after = [], None
        while page := await work.sealed.page(SealedKind.ACCESS_TOKEN, after, 2):
            seen += page
            after = page[-1]
        theirs = {each.id: each for each in seen}
        assert [each.id for each in seen] == sorted(theirs)
        for link in links:
            record = theirs[link.waba_id]
            assert (record.organization_id, record.sealed) == (link.organization_id, b"token")
        first = theirs[links[0].waba_id]
        assert await work.sealed.replace(SealedKind.ACCESS_TOKEN, first, b"anew") == 1
        assert await work.sealed.replace(SealedKind.ACCESS_TOKEN, first, b"late") == 0
        assert (await work.wabas.sealed(links[0].waba_id))[1] == b"anew"
        factors = await work.sealed.page(SealedKind.SECOND_FACTOR, None, 10_000)
        assert (user.id, b"seed") in [(each.uuid, each.sealed) for each in factors]
        assert await work.sealed.page(SealedKind.ENDPOINT_BEFORE, None, 10) == []
