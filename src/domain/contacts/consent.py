"""The consent ledger: every wish with its topic, source, time and proof. The present is a fold of it."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tidings.domain.contacts.wishes import Wish
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import ContactId, OrganizationId, PersonKey, UserId

MARKETING = "marketing"
StandingKey: TypeAlias = tuple[PersonKey, str]
"""A person and a topic."""
_TOPIC = re.compile(r"[a-z][a-z0-9_-]*")
MAX_TOPIC, MAX_SOURCE, MAX_PROOF = 40, 100, 1000


class InvalidWish(Invalid):
    """Some fields of the wish are not right."""


class ConsentEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """One wish, as it was heard. Entries are only ever added."""

    id: UUID
    organization_id: OrganizationId
    person: PersonKey
    """Whose wish it is; it outlives the contact, so that who comes back is still left alone."""
    contact_id: ContactId | None = None
    topic: str = MARKETING
    wish: Wish
    source: str
    """Where it was heard: `message`, `user_preferences`, `131050`, `import`, `api`, or in people's words."""
    proof: str = ""
    at: datetime
    """When the person wished it."""
    heard_at: datetime
    by: UserId | None = None
    """Who noted it down, when somebody did."""


def changes(
    stopped: datetime | None, started: datetime | None, wish: Wish, at: datetime, source: str
) -> dict[str, Any]:
    """Which fields of a Standing or a Contact a wish changes, given when the last stop and start were.

    Wishes fold by their time, in whatever order they are heard; a stop wins a draw.
    """
    if wish is Wish.STOP:
        if stopped is not None and at <= stopped:
            return {}
        told = {"opted_out_at": at}
        decides = started is None or at >= started
    else:
        if started is not None and at <= started:
            return {}
        told = {"opted_in_at": at}
        decides = stopped is None or at > stopped
    return {**told, "opted_out": wish is Wish.STOP, "consent_source": source} if decides else told


class Standing(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a person wishes about a topic now."""

    organization_id: OrganizationId
    person: PersonKey
    topic: str = MARKETING
    opted_out: bool = False
    opted_out_at: datetime | None = None
    opted_in_at: datetime | None = None
    consent_source: str = ""

    def hear(self, entry: ConsentEntry) -> "Standing":
        return replace(
            self, **changes(self.opted_out_at, self.opted_in_at, entry.wish, entry.at, entry.source)
        )


def together(one: Standing | None, other: Standing) -> Standing:
    """Two standings of one person as one: the latest of each wish."""
    if one is None:
        return other
    for wish, at in ((Wish.START, other.opted_in_at), (Wish.STOP, other.opted_out_at)):
        if at is not None:
            told = changes(one.opted_out_at, one.opted_in_at, wish, at, other.consent_source)
            one = replace(one, **told)
    return one


def fold(standings: Iterable[Standing], entries: Iterable[ConsentEntry]) -> dict[StandingKey, Standing]:
    """The standings after the entries were heard; what nobody has said anything of is not in it."""
    now = {(each.person, each.topic): each for each in standings}
    for entry in entries:
        key = (entry.person, entry.topic)
        known = now.get(key) or Standing(
            organization_id=entry.organization_id, person=entry.person, topic=entry.topic
        )
        now[key] = known.hear(entry)
    return now


def faults_of_wish(topic: str, source: str, proof: str) -> list[Fault]:
    limits = {"topic": (topic, MAX_TOPIC), "source": (source, MAX_SOURCE), "proof": (proof, MAX_PROOF)}
    faults = [
        Fault(field=name, rule="max_length", message=f"must have at most {limit} characters")
        for name, (text, limit) in limits.items()
        if len(text) > limit
    ]
    if not _TOPIC.fullmatch(topic):
        message = "must be lower-case letters, digits, - and _, beginning with a letter"
        faults.append(Fault(field="topic", rule="name", message=message))
    return faults
