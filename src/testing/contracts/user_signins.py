"""What stores of sign-ins, proofs, factors, keys and letters promise: each is good for its own purpose."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from tidings.adapters.embedded.system import uuid7
from tidings.application.ports.users import SealedKind, SealedRecord
from tidings.domain.kernel import OrganizationId, Permission, UserId, WabaId
from tidings.domain.users import (
    ApiKey,
    ApiKeyId,
    ExternalIdentity,
    Letter,
    LetterKind,
    Organization,
    Proof,
    Purpose,
    SecondFactor,
    Session,
    SessionId,
    User,
    Waba,
)
from tidings.testing.contracts.user_stores import NOON, OfAnOwner, Stores, a_secret, an_organization

BEFORE = NOON - timedelta(seconds=1)


def a_session(user: User, organization: Organization, **given: Any) -> Session:
    known: dict[str, Any] = {"origin": "192.0.2.1", "created_at": NOON, "ends_at": NOON + timedelta(days=30)}
    return Session(
        id=SessionId(uuid7()),
        user_id=user.id,
        organization_id=organization.id,
        **(known | given),
    )


def a_proof(**given: Any) -> Proof:
    known: dict[str, Any] = {
        "fingerprint": a_secret(),
        "purpose": Purpose.RESET,
        "subject": str(uuid4()),
        "ends_at": NOON,
    }
    return Proof(**(known | given))


def a_key(user: User, organization: Organization, **given: Any) -> ApiKey:
    known: dict[str, Any] = {
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


@pytest.mark.anyio
class SignInsContract(OfAnOwner):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    async def test_a_removed_user_leaves_nothing_that_proves_them(
        self, stores: Stores, user: User, organization: Organization
    ) -> None:
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

    async def test_of_many_at_once_one_spends_a_refresh_token(
        self, stores: Stores, user: User, organization: Organization
    ) -> None:
        session, refresh = a_session(user, organization), a_secret()
        async with stores.begin() as work:
            await work.sessions.add(session, refresh)

        async def spend():
            async with stores.begin() as work:
                return await work.sessions.spend(refresh, NOON)

        answers = await asyncio.gather(*(spend() for _ in range(8)))
        assert all(found == session for found, _ in answers)
        assert sum(first for _, first in answers) == 1

    async def test_spent_tokens_stay_known_until_the_sign_in_ends(
        self, stores: Stores, user: User, organization: Organization
    ) -> None:
        session, first, second = a_session(user, organization), a_secret(), a_secret()
        async with stores.begin() as work:
            await work.sessions.add(session, first)
            await work.sessions.spend(first, NOON)
            await work.sessions.renew(session, second)
            assert await work.sessions.spend(first, NOON) == (session, False)
            await work.sessions.end(session.id)
            assert await work.sessions.spend(first, NOON) == (None, False)
            assert await work.sessions.spend(second, NOON) == (None, False)

    async def test_sign_ins_end_by_organisation_but_for_the_one_to_keep(
        self, stores: Stores, user: User, organization: Organization
    ) -> None:
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

    async def test_what_ended_is_swept(self, stores: Stores, user: User, organization: Organization) -> None:
        old = a_session(user, organization, ends_at=NOON - timedelta(days=400))
        proof = a_proof(ends_at=NOON - timedelta(days=400))
        async with stores.begin() as work:
            await work.sessions.add(old, a_secret())
            await work.proofs.put(proof)
            await work.sessions.sweep(NOON - timedelta(days=399))
            assert await work.sessions.get(old.id) is None
            early = NOON - timedelta(days=401)
            assert await work.proofs.get(proof.fingerprint, proof.purpose, early) is None


@pytest.mark.anyio
class ProofsContract(OfAnOwner):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    async def test_a_proof_is_good_once_in_time_and_for_its_purpose(self, stores: Stores) -> None:
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

    async def test_a_newer_proof_voids_the_older_of_its_subject(self, stores: Stores) -> None:
        older = a_proof()
        newer = a_proof(subject=older.subject)
        async with stores.begin() as work:
            await work.proofs.put(older)
            await work.proofs.put(newer)
            assert await work.proofs.take(older.fingerprint, Purpose.RESET, BEFORE) is None
            await work.proofs.void(Purpose.RESET, newer.subject)
            assert await work.proofs.take(newer.fingerprint, Purpose.RESET, BEFORE) is None

    async def test_a_step_and_a_recovery_code_are_taken_once(self, stores: Stores, user: User) -> None:
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
            assert factor is not None
            assert (factor.sealed_secret, factor.last_step) == (b"\0\xff", 59_000_000)

    async def test_a_key_is_found_by_its_fingerprint_and_listed_for_its_organisation(
        self, stores: Stores, user: User, organization: Organization
    ) -> None:
        key, secret = a_key(user, organization), a_secret()
        async with stores.begin() as work:
            await work.keys.add(key, secret)
            await work.keys.touch(key.id, NOON)
            assert await work.keys.by_fingerprint(secret) == replace(key, last_used_at=NOON)
            await work.keys.touch(key.id, BEFORE)
            assert await work.keys.by_fingerprint(secret) == replace(key, last_used_at=NOON)
            assert await work.keys.of(OrganizationId(uuid7()), None) == []
            assert await work.keys.remove(key.id, OrganizationId(uuid7()), None) is None
            assert await work.keys.remove(key.id, organization.id, UserId(uuid7())) is None
            assert await work.keys.remove(key.id, organization.id, user.id)
            assert await work.keys.by_fingerprint(secret) is None

    async def test_a_letter_is_one_postmans(self, stores: Stores) -> None:
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

    async def test_secrets_at_rest_are_found_in_order_and_changed_only_as_they_were_read(
        self, stores: Stores, user: User
    ) -> None:
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
            seen, after = list[SealedRecord](), None
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
            assert await work.wabas.sealed(links[0].waba_id) == (links[0], b"anew")
            factors = await work.sealed.page(SealedKind.SECOND_FACTOR, None, 10_000)
            assert (user.id, b"seed") in [(each.uuid, each.sealed) for each in factors]
            assert await work.sealed.page(SealedKind.ENDPOINT_BEFORE, None, 10) == []
