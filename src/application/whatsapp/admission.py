"""Who may be written to at this moment: asked for each batch, in the transaction that writes intents down.

The organisation's own rules (quiet hours, frequency caps) concern marketing; Meta's limit of people in
24 hours concerns all templates outside a customer service window; the pair limit and the quota concern
everything.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec import Struct

from tidings.application.ports.pressure import Zones
from tidings.application.ports.whatsapp import Work
from tidings.application.whatsapp.receiving import key_of
from tidings.domain.kernel import OrganizationId, PersonKey
from tidings.domain.whatsapp.content import Template
from tidings.domain.whatsapp.messages import Message
from tidings.domain.whatsapp.numbers import Number
from tidings.domain.whatsapp.pressure import (
    DAY,
    RESERVE,
    Beyond,
    Cap,
    Pairs,
    SendingPolicy,
    awake_from,
)
from tidings.domain.whatsapp.quotas import Quota, day_of

LOOK_AGAIN = timedelta(seconds=30)
"""Before it is asked again whether a messaging limit or a quota has room for campaigns."""
SINGLES_AGAIN = timedelta(minutes=5)
"""The same for a single message that a quota keeps waiting."""


class Screened(Struct, kw_only=True):
    """A batch, sorted."""

    go: list[Message]
    changed: list[Message]
    """Those that wait, or are skipped, as they are now."""
    held_until: datetime | None = None
    """When limit or quota may have room for campaigns again; they stay as they are until then."""
    held_for: str = ""


class Prospect(Struct, frozen=True, kw_only=True):
    """When somebody may be written to, as things stand."""

    due: datetime
    why: str = ""
    never: bool = False
    in_window: bool = False
    counted: bool = False
    """Whether the person does not count (again) against the messaging limit."""


@dataclass(slots=True)
class Admission:
    """The rules before a number's lane. Lives as long as its owner."""

    zones: Zones
    pairs: Pairs = field(default_factory=Pairs)
    quota: Quota = field(default_factory=Quota)

    async def screen(
        self, work: Work, number: Number, batch: Sequence[Message], now: datetime, clock: float
    ) -> Screened:
        """Sort a batch; what goes is counted."""
        screened = Screened(go=[], changed=[])
        left = self._pairs(batch, screened, now, clock)
        concerned = {message.organization_id for message in left if is_marketing(message)}
        policies = await work.pressure.policies(concerned)
        left = await self._policies(work, left, policies, screened, now)
        left = await self._quota(work, number, left, screened, now)
        screened.go = await self._reach(work, number, left, screened, now)
        capped = {organization for organization, policy in policies.items() if policy.cap is not None}
        await work.pressure.touched(
            [m for m in screened.go if m.organization_id in capped and is_marketing(m)], now
        )
        for message in screened.go:
            self.pairs.spend(message.person, clock)
        return screened

    async def foresee(
        self, work: Work, organization: OrganizationId, batch: Sequence[Message], now: datetime
    ) -> list[Prospect]:
        """What `screen` would say of marketing and other templates, without counting anything."""
        policies = await work.pressure.policies([organization])
        policy = policies.get(organization)
        cap = None if policy is None else policy.cap
        recent = {} if cap is None else await self._recent(work, batch, organization, cap, now)
        places = {key_of(message) for message in batch}
        talking = {each.person for each in await work.conversations.of(places) if each.window_open(now)}
        people = [message.person for message in batch]
        counted = set(await work.pressure.reached(organization, people, now - DAY))
        found: list[Prospect] = []
        for message in batch:
            due, why, never = now, "", False
            if policy is not None and is_marketing(message):
                due, why = self._due(message, policy, recent, now)
                never = due > now and _gives_up(policy, message, due)
            found.append(
                Prospect(
                    due=due,
                    why=why,
                    never=never,
                    in_window=message.person in talking,
                    counted=message.person in talking or message.person in counted,
                )
            )
        return found

    def _pairs(
        self, batch: Sequence[Message], screened: Screened, now: datetime, clock: float
    ) -> list[Message]:
        """Meta's pair limit, so that its refusals cost nothing (fact sheet 6.2)."""
        left: list[Message] = []
        already: Counter[PersonKey] = Counter()
        for message in batch:
            wait = self.pairs.wait(message.person, clock)
            if wait > 0 or already[message.person]:
                # Of several to one person in one batch only the first goes: the next beat is near.
                due = now + timedelta(seconds=wait)
                if wait > 0:
                    screened.changed.append(message.wait(due, "pair limit: one message in 6 s to a person"))
                continue
            already[message.person] += 1
            left.append(message)
        return left

    async def _policies(
        self,
        work: Work,
        batch: Sequence[Message],
        policies: Mapping[OrganizationId, SendingPolicy],
        screened: Screened,
        now: datetime,
    ) -> list[Message]:
        if not policies:
            return list(batch)
        recent = {
            organization: await self._recent(work, batch, organization, policy.cap, now)
            for organization, policy in policies.items()
            if policy.cap is not None
        }
        left: list[Message] = []
        for message in batch:
            policy = policies.get(message.organization_id) if is_marketing(message) else None
            if policy is None:
                left.append(message)
                continue
            due, why = self._due(message, policy, recent.get(message.organization_id, {}), now)
            if due <= now:
                left.append(message)
            elif _gives_up(policy, message, due):
                screened.changed.append(message.skip(why))
            else:
                screened.changed.append(message.wait(due, why))
        return left

    async def _recent(
        self,
        work: Work,
        batch: Sequence[Message],
        organization: OrganizationId,
        cap: Cap,
        now: datetime,
    ) -> dict[PersonKey, list[datetime]]:
        """When others of our marketing messages went to these people, within the cap's days."""
        theirs = {m.person: m.id for m in batch if m.organization_id == organization and is_marketing(m)}
        found: dict[PersonKey, list[datetime]] = {}
        since = now - timedelta(days=cap.days)
        for touch in await work.pressure.touches(organization, list(theirs), since):
            if touch.message_id != theirs[touch.person]:
                found.setdefault(touch.person, []).append(touch.at)
        return found

    def _due(
        self,
        message: Message,
        policy: SendingPolicy,
        recent: dict[PersonKey, list[datetime]],
        now: datetime,
    ) -> tuple[datetime, str]:
        """When it may leave, and what it waits for."""
        due, why = now, ""
        times = recent.get(message.person, [])
        if policy.cap is not None and len(times) >= policy.cap.most:
            due = times[-policy.cap.most] + timedelta(days=policy.cap.days)
            why = f"frequency cap: {policy.cap.most} in {policy.cap.days} days"
        if policy.quiet is not None:
            zones = [message.zone] if message.zone else self.zones.of(message.to) if message.to else ["UTC"]
            awake = awake_from(due, zones, policy.quiet)
            if awake > due:
                due, why = awake, f"quiet hours: {policy.quiet.start} to {policy.quiet.end} in {zones[0]}"
        return due, why

    async def _quota(
        self, work: Work, number: Number, batch: Sequence[Message], screened: Screened, now: datetime
    ) -> list[Message]:
        """What the organisation may send in a day and a month. Who lets it go counts it, see `LaneSender`."""
        if self.quota.none or not batch:
            return list(batch)
        usage = await work.quotas.usage(number.organization_id, day_of(now), hold=True)
        left: list[Message] = []
        for message in batch:
            quota = self.quota if message.run_id is None else self.quota.for_campaigns()
            if len(left) < quota.room(usage):
                left.append(message)
                continue
            until, why = quota.waits_for(usage, now)
            if message.run_id is not None:
                screened.held_until, screened.held_for = min(until, now + LOOK_AGAIN), why
            else:
                screened.changed.append(message.wait(min(until, now + SINGLES_AGAIN), why))
        return left

    async def _reach(
        self, work: Work, number: Number, batch: Sequence[Message], screened: Screened, now: datetime
    ) -> list[Message]:
        """Meta's limit of people in 24 hours, shared by all numbers of the organisation (fact sheet 6.3).

        Meta does not say which portfolio a number belongs to: an organisation counts as one.
        """
        limit = number.messaging_limit
        opening = [m for m in batch if isinstance(m.content, Template)] if limit is not None else []
        if limit is None or not opening:
            return list(batch)
        organization = number.organization_id
        talking = {
            each.person
            for each in await work.conversations.of({key_of(m) for m in opening})
            if each.window_open(now)
        }
        used = await work.pressure.used(organization, now)
        counted = set(await work.pressure.reached(organization, [m.person for m in opening], now - DAY))
        free = talking | counted
        new: dict[PersonKey, None] = {}
        left: list[Message] = []
        full = ""
        for message in batch:
            if not isinstance(message.content, Template) or message.person in free or message.person in new:
                left.append(message)
                continue
            most = limit if message.run_id is None else int(limit * (1 - RESERVE))
            if used + len(new) < most:
                new[message.person] = None
                left.append(message)
            else:
                full = f"messaging limit: {limit} people in 24 hours"
        await work.pressure.reach(organization, list(new), now)
        if full:
            screened.held_for = full
            frees = await work.pressure.frees_at(organization, now)
            screened.held_until = min(frees or now + LOOK_AGAIN, now + LOOK_AGAIN)
        return left


def _gives_up(policy: SendingPolicy, message: Message, due: datetime) -> bool:
    patience = timedelta(seconds=policy.patience)
    return policy.beyond is Beyond.SKIP or due > message.created_at + patience


def is_marketing(message: Message) -> bool:
    return isinstance(message.content, Template) and message.content.category.upper() == "MARKETING"
