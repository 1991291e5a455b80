"""Who was called for at Meta, and whether by somebody who still had the right to."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tidings.application.ports.gateway import Accepted, Gateway, NotSent, Outgoing, Rejected, Unclear
from tidings.domain.kernel import PhoneNumberId
from tidings.testing.clock import Clock


@dataclass
class Called:
    """What is remembered of calls across every crash."""

    people: set[str | None] = field(default_factory=set[str | None])
    """Everybody for whom there was a call, whatever came of it."""
    late: int = 0
    """Calls by a sender whose lease had ended."""


@dataclass(frozen=True)
class Punctual:
    """The Gateway port before a world's Meta, which looks at the caller's lease."""

    gateway: Gateway
    leased_until: Callable[[PhoneNumberId], float | None]
    clock: Clock
    called: Called

    async def send(self, message: Outgoing) -> Accepted | NotSent | Rejected | Unclear:
        until = self.leased_until(message.phone_number_id)
        if until is not None and self.clock.boottime() > until:
            self.called.late += 1
        self.called.people.add(message.to)
        return await self.gateway.send(message)
