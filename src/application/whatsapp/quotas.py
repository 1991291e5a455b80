"""How many messages an organisation may send, and has sent.

The sender holds what is beyond the quota back and counts in the transaction that writes intents down, so
that neither a kill nor two lanes at once let more through; here it is set, shown, and asked before a single
message is put in line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from tidings.application.ports.common import Now
from tidings.application.ports.quotas import Metered
from tidings.application.ports.whatsapp import Begin, Work
from tidings.domain.kernel import Actor, OrganizationId, Permission
from tidings.domain.whatsapp.quotas import (
    Quota,
    QuotaUsedUp,
    Usage,
    day_of,
    next_month,
    tomorrow,
)


class QuotaView(Struct, frozen=True, kw_only=True, rename="camel"):
    """An organisation's messages; days and months are those of UTC."""

    usage: Usage
    quota: Quota
    day_ends_at: datetime
    month_ends_at: datetime


@dataclass(frozen=True, slots=True)
class Quotas:
    begin: Begin
    read: Begin
    now: Now

    async def get(self, actor: Actor) -> QuotaView:
        """What the actor's organisation may send, and has sent."""
        organization, now = actor.require(Permission.MESSAGES_READ), self.now()
        async with self.read() as work:
            quotas = await work.quotas.of([organization])
            usage = await work.quotas.usage([organization], day_of(now))
        return QuotaView(
            usage=usage[organization],
            quota=quotas[organization],
            day_ends_at=tomorrow(now),
            month_ends_at=next_month(now),
        )

    async def everybody(self) -> Sequence[Metered]:
        """For operators: who has a quota of their own or has sent something this month."""
        async with self.read() as work:
            return await work.quotas.metered(day_of(self.now()))

    async def put(self, organization: OrganizationId, quota: Quota | None) -> Metered:
        """For operators: a quota of this organisation's own, or (None) everybody's again.

        It holds within seconds, for messages in line as well; what waits for room looks again at least
        every five minutes.
        """
        day = day_of(self.now())
        async with self.begin() as work:
            await work.quotas.put(organization, quota)
            return Metered(
                organization_id=organization,
                quota=(await work.quotas.of([organization]))[organization],
                own=quota is not None,
                usage=(await work.quotas.usage([organization], day))[organization],
            )


async def check_room(work: Work, organization: OrganizationId, now: datetime) -> None:
    """Raise QuotaUsedUp when a single message put in line now would have to wait for another day."""
    quota = (await work.quotas.of([organization]))[organization]
    if quota.none:
        return
    usage = (await work.quotas.usage([organization], day_of(now)))[organization]
    if not quota.room(usage):
        until, why = quota.waits_for(usage, now)
        raise QuotaUsedUp(
            f"The organisation has sent as many messages as it may for now ({why}).",
            retry_after=(until - now).total_seconds(),
        )
