"""Who may be written to at this moment: asked for what all lanes would send, in the transaction that writes
intents down.

The organisation's own rules (quiet hours, frequency caps) concern marketing; Meta's limit of people in
24 hours concerns all templates outside a customer service window; the pair limit and the quota concern
everything.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec import Struct

from tidings.application.ports.pressure import Someone, Zones
from tidings.application.ports.whatsapp import Work
from tidings.application.whatsapp.receiving import key_of
from tidings.domain.kernel import OrganizationId
from tidings.domain.whatsapp.content import Template
from tidings.domain.whatsapp.messages import Message
from tidings.domain.whatsapp.numbers import Number
from tidings.domain.whatsapp.pressure import (
    DAY,
    RESERVE,
    Beyond,
    Pairs,
    SendingPolicy,
    awake_from,
)
from tidings.domain.whatsapp.quotas import Quota, day_of

LOOK_AGAIN = timedelta(seconds=30)
"""Before it is asked again whether a messaging limit or a quota has room for campaigns."""
SINGLES_AGAIN = timedelta(minutes=5)
"""The same for a single message that a quota keeps waiting."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one number would send now, and what is known of it."""

    number: Number
    pairs: Pairs
    quota: Quota
    messages: Sequence[Message]


@dataclass(slots=True, eq=False)
class Screened:
    """A line, sorted."""

    line: Line
    go: list[Message]
    changed: list[Message] = field(default_factory=list[Message])
    """Those that wait, or are skipped, as they are now."""
    held_until: datetime | None = None
    """When limit or quota may have room for campaigns again; they stay as they are until then."""
    held_for: str = ""

    @property
    def organization(self) -> OrganizationId:
        return self.line.number.organization_id


class Prospect(Struct, frozen=True, kw_only=True):
    """When somebody may be written to, as things stand."""

    due: datetime
    why: str = ""
    never: bool = False
    in_window: bool = False
    counted: bool = False
    """Whether the person does not count (again) against the messaging limit."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The rules before the lanes."""

    zones: Zones

    async def screen(self, work: Work, lines: Sequence[Line], now: datetime, clock: float) -> list[Screened]:
        """Sort what lines would send, in their order; what goes is counted."""
        screened = self._pairs(lines, now, clock)
        concerned = {m.organization_id for each in screened for m in each.go if is_marketing(m)}
        policies = await work.pressure.policies(concerned)
        await self._policies(work, screened, policies, now)
        await self._quotas(work, screened, now)
        await self._reach(work, screened, now)
        capped = {organization for organization, policy in policies.items() if policy.cap is not None}
        going = [message for each in screened for message in each.go]
        await work.pressure.touched(
            [m for m in going if m.organization_id in capped and is_marketing(m)], now
        )
        for each in screened:
            for message in each.go:
                each.line.pairs.spend(message.person, clock)
        return screened

    async def foresee(
        self, work: Work, organization: OrganizationId, batch: Sequence[Message], now: datetime
    ) -> list[Prospect]:
        """What `screen` would say of marketing and other templates, without counting anything."""
        policies = await work.pressure.policies([organization])
        policy = policies.get(organization)
        recent = await self._recent(work, batch, policies, now)
        places = {key_of(message) for message in batch}
        talking = {each.person for each in await work.conversations.of(places) if each.window_open(now)}
        people = {_who(message) for message in batch}
        counted = {person for _, person in await work.pressure.reached(people, now - DAY)}
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

    def _pairs(self, lines: Sequence[Line], now: datetime, clock: float) -> list[Screened]:
        """Meta's pair limit, so that its refusals cost nothing (fact sheet 6.2)."""
        sorted_out: list[Screened] = []
        already: set[Someone] = set()
        for line in lines:
            screened = Screened(line=line, go=[])
            for message in line.messages:
                wait = line.pairs.wait(message.person, clock)
                if wait > 0:
                    due = now + timedelta(seconds=wait)
                    screened.changed.append(message.wait(due, "pair limit: one message in 6 s to a person"))
                elif (who := _who(message)) not in already:
                    # Of several to one person in one beat only the first goes: the next beat is near.
                    already.add(who)
                    screened.go.append(message)
            sorted_out.append(screened)
        return sorted_out

    async def _policies(
        self,
        work: Work,
        lines: Sequence[Screened],
        policies: Mapping[OrganizationId, SendingPolicy],
        now: datetime,
    ) -> None:
        if not policies:
            return
        recent = await self._recent(work, [m for line in lines for m in line.go], policies, now)
        for line in lines:
            going, line.go = line.go, []
            for message in going:
                policy = policies.get(message.organization_id) if is_marketing(message) else None
                if policy is None:
                    line.go.append(message)
                    continue
                due, why = self._due(message, policy, recent, now)
                if due <= now:
                    line.go.append(message)
                elif _gives_up(policy, message, due):
                    line.changed.append(message.skip(why))
                else:
                    line.changed.append(message.wait(due, why))

    async def _recent(
        self,
        work: Work,
        batch: Sequence[Message],
        policies: Mapping[OrganizationId, SendingPolicy],
        now: datetime,
    ) -> dict[Someone, list[datetime]]:
        """When others of our marketing messages went to these people, within their caps' days."""
        since = {of: now - timedelta(days=each.cap.days) for of, each in policies.items() if each.cap}
        theirs = {_who(m): m.id for m in batch if m.organization_id in since and is_marketing(m)}
        found: dict[Someone, list[datetime]] = {}
        if not theirs:
            return found
        for touch in await work.pressure.touches(list(theirs), min(since.values())):
            who = (touch.organization_id, touch.person)
            if touch.message_id != theirs[who] and touch.at > since[touch.organization_id]:
                found.setdefault(who, []).append(touch.at)
        return found

    def _due(
        self,
        message: Message,
        policy: SendingPolicy,
        recent: Mapping[Someone, Sequence[datetime]],
        now: datetime,
    ) -> tuple[datetime, str]:
        """When it may leave, and what it waits for."""
        due, why = now, ""
        times = recent.get(_who(message), ())
        if policy.cap is not None and len(times) >= policy.cap.most:
            due = times[-policy.cap.most] + timedelta(days=policy.cap.days)
            why = f"frequency cap: {policy.cap.most} in {policy.cap.days} days"
        if policy.quiet is not None:
            zones = [message.zone] if message.zone else self.zones.of(message.to) if message.to else ["UTC"]
            awake = awake_from(due, zones, policy.quiet)
            if awake > due:
                due, why = awake, f"quiet hours: {policy.quiet.start} to {policy.quiet.end} in {zones[0]}"
        return due, why

    async def _quotas(self, work: Work, lines: Sequence[Screened], now: datetime) -> None:
        """What organisations may send in a day and a month. Who lets it go counts it, see `Rounds`."""
        bound = [line for line in lines if line.go and not line.line.quota.none]
        if not bound:
            return
        usage = await work.quotas.usage({line.organization for line in bound}, day_of(now), hold=True)
        taken: Counter[OrganizationId] = Counter()
        for line in bound:
            going, line.go = line.go, []
            used = usage[line.organization]
            for message in going:
                quota = line.line.quota if message.run_id is None else line.line.quota.for_campaigns()
                if taken[line.organization] < quota.room(used):
                    taken[line.organization] += 1
                    line.go.append(message)
                    continue
                until, why = quota.waits_for(used, now)
                if message.run_id is not None:
                    line.held_until, line.held_for = min(until, now + LOOK_AGAIN), why
                else:
                    line.changed.append(message.wait(min(until, now + SINGLES_AGAIN), why))

    async def _reach(self, work: Work, lines: Sequence[Screened], now: datetime) -> None:
        """Meta's limit of people in 24 hours, shared by all numbers of an organisation (fact sheet 6.3).

        Meta does not say which portfolio a number belongs to: an organisation counts as one.
        """
        bound = [line for line in lines if line.line.number.messaging_limit is not None]
        opening = [m for line in bound for m in line.go if _opens(m)]
        if not opening:
            return
        conversations = await work.conversations.of({key_of(message) for message in opening})
        talking = {key_of(each) for each in conversations if each.window_open(now)}
        used = Counter(await work.pressure.used({m.organization_id for m in opening}, now))
        counted = set(await work.pressure.reached({_who(m) for m in opening}, now - DAY))
        new: dict[Someone, None] = {}
        full: list[Screened] = []
        for line in bound:
            limit, going, line.go = line.line.number.messaging_limit or 0, line.go, []
            for message in going:
                who = _who(message)
                if not _opens(message) or key_of(message) in talking or who in counted:
                    line.go.append(message)
                    continue
                most = limit if message.run_id is None else int(limit * (1 - RESERVE))
                if used[message.organization_id] < most:
                    used[message.organization_id] += 1
                    new[who] = None
                    counted.add(who)
                    line.go.append(message)
                elif line not in full:
                    line.held_for = f"messaging limit: {limit} people in 24 hours"
                    full.append(line)
        await work.pressure.reach(list(new), now)
        await self._hold(work, full, now)

    async def _hold(self, work: Work, full: Collection[Screened], now: datetime) -> None:
        frees = {
            organization: await work.pressure.frees_at(organization, now)
            for organization in sorted({line.organization for line in full})
        }
        for line in full:
            line.held_until = min(frees[line.organization] or now + LOOK_AGAIN, now + LOOK_AGAIN)


def _who(message: Message) -> Someone:
    return message.organization_id, message.person


def _opens(message: Message) -> bool:
    """Whether it may begin a conversation, which counts."""
    return isinstance(message.content, Template)


def _gives_up(policy: SendingPolicy, message: Message, due: datetime) -> bool:
    patience = timedelta(seconds=policy.patience)
    return policy.beyond is Beyond.SKIP or due > message.created_at + patience


def is_marketing(message: Message) -> bool:
    return isinstance(message.content, Template) and message.content.category.upper() == "MARKETING"
