"""What the limits of sending need: their tables within the whatsapp context, and people's time zones."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Struct

from tidings.domain.kernel import MessageId, OrganizationId, PersonKey, Phone
from tidings.domain.whatsapp.messages import Message
from tidings.domain.whatsapp.pressure import SendingPolicy


class Touch(Struct, frozen=True, kw_only=True):
    """A marketing message that went, or is about to go, to a person."""

    organization_id: OrganizationId
    person: PersonKey
    message_id: MessageId
    at: datetime


Someone: TypeAlias = tuple[OrganizationId, PersonKey]
"""A person as an organisation knows them: it counts for itself."""


class PressureStore(Protocol):
    """Policies, who was written to of late, and who a portfolio has reached; within one transaction."""

    async def policies(
        self, organizations: Collection[OrganizationId]
    ) -> Mapping[OrganizationId, SendingPolicy]:
        """Those that have one; locked in a writing transaction, so that two lanes count one after another."""
        ...

    async def put_policy(self, policy: SendingPolicy) -> None: ...

    async def remove_policy(self, organization: OrganizationId) -> None: ...

    async def touches(self, people: Collection[Someone], since: datetime) -> Sequence[Touch]:
        """Marketing to these people since then, oldest first."""
        ...

    async def touched(self, sent: Sequence[Message], at: datetime) -> None:
        """Note marketing that is about to go; of one message once."""

    async def reached(self, people: Collection[Someone], since: datetime) -> Collection[Someone]:
        """Those of these people who count against their organisation's messaging limit already."""
        ...

    async def used(
        self, organizations: Collection[OrganizationId], now: datetime
    ) -> Mapping[OrganizationId, int]:
        """How many people of each count at this moment; locked until the transaction ends."""
        ...

    async def reached_in(self, organization: OrganizationId, now: datetime) -> int:
        """How many people count at this moment, looked at without a lock."""
        ...

    async def reach(self, people: Collection[Someone], at: datetime) -> None:
        """Count these people, who do not yet, of organisations whose `used` was asked for."""

    async def frees_at(self, organization: OrganizationId, now: datetime) -> datetime | None:
        """When the first of those who count stops counting."""
        ...

    async def undo(self, failed: Sequence[Message]) -> None:
        """These went to nobody after all: they count neither as touches nor as reach."""


class Zones(Protocol):
    """Where people live, as far as their number tells."""

    def of(self, phone: Phone) -> Sequence[str]:
        """IANA names, the likeliest first; UTC when nothing is known."""
        ...
