"""A stateful machine of the whole platform: any operations in any order, beside a model of them.

It runs against anything that is a `Tidings`: embedded, on servers, or remote, over HTTP at an address. People
are added, renamed, opted out and in, moved into a group and out of it, and removed; campaigns are drafted,
launched, paused, resumed, cancelled and deleted. After every step the platform shows what the model knows; at
the end every campaign has written at most once to exactly those who were in its group at its launch, and can
say why of everybody else.

    machine = machine_of(Place(runner.run, tidings, actor, template.id))
    run_state_machine_as_test(machine, settings=settings(max_examples=5, stateful_step_count=20))

It takes its people and its group away again, and leaves the campaigns. Needs the extra `tidings[testing]`.
"""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tidings.application.campaigns import CampaignView, NewCampaign
from tidings.application.campaigns.authoring import Campaigns
from tidings.application.campaigns.reporting import Reports
from tidings.application.contacts.consent import Consent, WishTold
from tidings.application.contacts.groups import Groups, NewGroup
from tidings.application.contacts.people import ContactChange, Contacts, NewContact
from tidings.application.ports.contacts import ContactFilter
from tidings.application.whatsapp.saying import Messages
from tidings.domain.campaigns import (
    LIFE,
    Act,
    CampaignNotFound,
    Fill,
    NobodyToReach,
    Outcome,
    Recipient,
    State,
    WrongState,
)
from tidings.domain.contacts.people import ContactNotFound, PhoneTaken
from tidings.domain.contacts.wishes import Wish
from tidings.domain.errors import Refused
from tidings.domain.kernel import Actor, CampaignId, ContactId, GroupId, MessageId, Phone, TemplateId
from tidings.testing.strategies import names

T = TypeVar("T")
PEOPLE = 6
PATIENCE = 60.0
"""Seconds in which a handful of people are planned, or written to."""
LOOK = 0.05
BY_ITSELF: Mapping[State, frozenset[State]] = {
    State.PLANNING: frozenset({State.PLANNING, State.RUNNING, State.COMPLETED}),
    State.RUNNING: frozenset({State.RUNNING, State.COMPLETED}),
}
"""Where a campaign comes without anybody's help."""
TAKEN = frozenset({Outcome.ACCEPTED, Outcome.SENT, Outcome.DELIVERED, Outcome.READ})
places = st.integers(0, PEOPLE - 1)


class Platform(Protocol):
    """What is asked of a `Tidings`."""

    @property
    def contacts(self) -> Contacts: ...
    @property
    def consent(self) -> Consent: ...
    @property
    def groups(self) -> Groups: ...
    @property
    def campaigns(self) -> Campaigns: ...
    @property
    def reports(self) -> Reports: ...
    @property
    def messages(self) -> Messages: ...


@dataclass
class Place:
    """A platform to try: one organisation of it, with a number that may send the template.

    Its messages go to made-up people on +44 7700 9..., who are nobody: connect the sandbox to it, not Meta.
    """

    run: Callable[[Coroutine[Any, Any, Any]], Any]
    """Runs something to its end, such as `asyncio.Runner().run`."""
    platform: Platform
    actor: Actor
    template: TemplateId
    """Approved, with one slot, `body.1`."""
    blocks: "itertools.count[int]" = field(
        default_factory=lambda: itertools.count(random.SystemRandom().randrange(10_000))
    )

    def phones(self) -> list[Phone]:
        """Numbers that no other run has."""
        block = next(self.blocks) % 10_000
        return [Phone(f"+4477009{block:04}{n}") for n in range(PEOPLE)]


@dataclass
class Somebody:
    """What the model knows of a person."""

    id: ContactId
    name: str
    opted_out: bool
    inside: bool = True
    """Whether they are in the group."""


@dataclass
class Sent:
    """What the model knows of a campaign that was launched."""

    id: CampaignId
    reachable: Mapping[Phone, bool]
    """Who was in the group at its launch, and whether they could be written to."""
    last: State
    removed: set[Phone] = field(default_factory=set[Phone])
    """Contacts that were removed, or opted out, while it was under way."""


class Machine(RuleBasedStateMachine):
    """The rules; `machine_of` says where."""

    place: Place

    def __init__(self) -> None:
        super().__init__()
        self.phones = self.place.phones()
        self.people: dict[Phone, Somebody] = {}
        self.stopped: set[Phone] = set()
        """Who said STOP and not the contrary since, also those who were removed meanwhile."""
        self.drafts: list[CampaignId] = []
        self.sent: list[Sent] = []

    # How it is asked.

    def ask(self, work: Coroutine[Any, Any, T]) -> T:
        return self.place.run(work)

    def refused(self, kind: type[Refused], work: Coroutine[Any, Any, Any]) -> None:
        """It must be refused, and for this reason."""
        try:
            done = self.ask(work)
        except kind:
            return
        raise AssertionError(f"{kind.__name__} was expected; what came is {done!r}")

    @property
    def at(self) -> Platform:
        return self.place.platform

    @property
    def who(self) -> Actor:
        return self.place.actor

    # People.

    @initialize(some=st.sets(places), name=names)
    def a_group(self, some: set[int], name: str) -> None:
        made = self.ask(self.at.groups.add(self.who, NewGroup(name=f"machine {uuid4()}")))
        self.group: GroupId = made.id
        for n in some:
            self._add(self.phones[n], name)

    @rule(n=places, name=names)
    def add(self, n: int, name: str) -> None:
        if (phone := self.phones[n]) in self.people:
            new = NewContact(phone=phone, first_name=name, group_id=self.group)
            self.refused(PhoneTaken, self.at.contacts.add(self.who, new))
        else:
            self._add(phone, name)

    def _add(self, phone: Phone, name: str) -> None:
        new = NewContact(phone=phone, first_name=name, group_id=self.group)
        made = self.ask(self.at.contacts.add(self.who, new))
        assert made.opted_out is (phone in self.stopped), f"{phone} said STOP: {phone in self.stopped}"
        self.people[phone] = Somebody(made.id, made.first_name, made.opted_out)

    @rule(n=places, name=names)
    def rename(self, n: int, name: str) -> None:
        change = ContactChange(first_name=name)
        if one := self.people.get(self.phones[n]):
            one.name = self.ask(self.at.contacts.change(self.who, one.id, change)).first_name
        else:
            self.refused(ContactNotFound, self.at.contacts.change(self.who, ContactId(uuid4()), change))

    @rule(n=places, wish=st.sampled_from(Wish))
    def wish(self, n: int, wish: Wish) -> None:
        one = self.people.get(phone := self.phones[n])
        if one is None:
            self.refused(
                ContactNotFound, self.at.consent.note(self.who, ContactId(uuid4()), wish, WishTold())
            )
            return
        now = self.ask(self.at.consent.note(self.who, one.id, wish, WishTold(source="machine")))
        one.opted_out = wish is Wish.STOP
        assert now.opted_out is one.opted_out
        self._stop(phone, one.opted_out)

    @rule(n=places)
    def remove(self, n: int) -> None:
        phone = self.phones[n]
        if one := self.people.pop(phone, None):
            self.ask(self.at.contacts.remove(self.who, one.id))
            self.refused(ContactNotFound, self.at.contacts.get(self.who, one.id))
            for campaign in self.sent:
                campaign.removed.add(phone)

    @rule(n=places, inside=st.booleans())
    def move(self, n: int, inside: bool) -> None:
        """Into the group and out of it: whoever is out is of no campaign that is launched then."""
        if one := self.people.get(self.phones[n]):
            move = self.at.groups.put_in if inside else self.at.groups.take_out
            done = self.ask(move(self.who, self.group, [one.id]))
            assert done.changed == (one.inside is not inside)
            one.inside = inside
            assert done.contact_count == sum(each.inside for each in self.people.values())

    # Campaigns.

    @rule()
    def draft(self) -> None:
        new = NewCampaign(
            name=f"machine {uuid4()}",
            template_id=self.place.template,
            group_id=self.group,
            parameters={"body.1": Fill(field="firstName", fallback="there")},
        )
        self.drafts.append(self.ask(self.at.campaigns.create(self.who, new)).id)

    @rule(n=st.integers(0, 9))
    def launch(self, n: int) -> None:
        if not self.drafts:
            self.draft()
        id = self.drafts[n % len(self.drafts)]
        reachable = {phone: not one.opted_out for phone, one in self.people.items() if one.inside}
        if not any(reachable.values()):
            self.refused(NobodyToReach, self.at.campaigns.launch(self.who, id))
            return
        launched = self.ask(self.at.campaigns.launch(self.who, id))
        self.drafts.remove(id)
        self.sent.append(Sent(id, reachable, launched.state))
        self._until(id, lambda found: found.state is not State.PLANNING, "a frozen audience")

    @rule(n=st.integers(0, 9), act=st.sampled_from([Act.LAUNCH, Act.PAUSE, Act.RESUME, Act.CANCEL]))
    @precondition(lambda self: self.sent)
    def turn(self, n: int, act: Act) -> None:
        """What its life allows is done, and nothing else, wherever it has come by itself meanwhile."""
        campaign = self.sent[n % len(self.sent)]
        before = self._state(campaign)
        around = BY_ITSELF.get(before, frozenset({before}))
        do = getattr(self.at.campaigns, act.value)
        try:
            after = self.ask(do(self.who, campaign.id)).state
        except WrongState:
            assert any(act not in LIFE[state] for state in around), f"{act} of a {before} campaign"
            return
        allowed = [LIFE[state][act] for state in around if act in LIFE[state]]
        assert allowed, f"{act} of a {before} campaign made it {after}"
        assert any(after in {state, *BY_ITSELF.get(state, ())} for state in allowed)
        campaign.last = after

    @rule(n=st.integers(0, 9))
    @precondition(lambda self: self.drafts)
    def forget_a_draft(self, n: int) -> None:
        id = self.drafts.pop(n % len(self.drafts))
        self.ask(self.at.campaigns.remove(self.who, id))
        self.refused(CampaignNotFound, self.at.campaigns.get(self.who, id))

    # What holds at every moment.

    @invariant()
    def everybody_is_as_the_model_says(self) -> None:
        if not hasattr(self, "group"):
            return
        page = self.ask(self.at.contacts.page(self.who, ContactFilter(group_id=self.group), limit=100))
        found = {each.phone: (each.id, each.first_name, each.opted_out) for each in page.items}
        assert found == {
            phone: (one.id, one.name, one.opted_out) for phone, one in self.people.items() if one.inside
        }

    @invariant()
    def every_campaign_counts_everybody_once(self) -> None:
        for campaign in self.sent:
            found = self.ask(self.at.campaigns.get(self.who, campaign.id))
            counts = {each: getattr(found.totals, each.value) for each in Outcome}
            assert found.totals.planned == sum(counts.values()), counts
            if found.planned_at is not None:
                assert found.totals.planned == len(campaign.reachable), counts

    def teardown(self) -> None:
        """Whatever was under way comes to its end, and is looked at person by person."""
        for campaign in self.sent:
            if self._state(campaign) is State.PAUSED:
                self.ask(self.at.campaigns.resume(self.who, campaign.id))
            ended = self._until(campaign.id, _has_ended, "an end")
            self._check(campaign, ended)
        for id in self.drafts:
            self.ask(self.at.campaigns.remove(self.who, id))
        for one in self.people.values():
            self.ask(self.at.contacts.remove(self.who, one.id))
        if hasattr(self, "group"):
            self.ask(self.at.groups.remove(self.who, self.group))

    def _check(self, campaign: Sent, ended: CampaignView) -> None:
        everybody = self.ask(_everyone(self.at.reports, self.who, campaign.id))
        by_phone = {each.phone: each for each in everybody if each.phone}
        note(f"{ended.state}: {[(each.phone, each.state.value, each.reason) for each in everybody]}")
        assert len(everybody) == len(campaign.reachable)
        assert by_phone.keys() <= campaign.reachable.keys()
        assert campaign.reachable.keys() - by_phone.keys() <= campaign.removed
        for phone, each in by_phone.items():
            if not campaign.reachable[phone]:
                assert (each.state, each.reason) == (Outcome.SKIPPED, "opted_out")
            elif each.state is Outcome.SKIPPED:
                assert ended.state is State.CANCELLED or phone in campaign.removed, each
                assert each.reason
            elif each.state is Outcome.FAILED:
                assert each.code or each.reason, each
            else:
                assert each.state in TAKEN or each.state is Outcome.UNKNOWN, each
        counts = Counter(each.state for each in everybody)
        assert {each: getattr(ended.totals, each.value) for each in (Outcome.SKIPPED, Outcome.FAILED)} == {
            each: counts[each] for each in (Outcome.SKIPPED, Outcome.FAILED)
        }
        said = self.ask(_messages(self.at.messages, self.who, campaign.id))
        assert max(Counter(said).values(), default=1) == 1
        assert set(said) <= {each.id for each in everybody}

    def _state(self, campaign: Sent) -> State:
        """Where it stands, which must be where it could come from where it stood."""
        now = self.ask(self.at.campaigns.get(self.who, campaign.id)).state
        assert now in BY_ITSELF.get(campaign.last, {campaign.last}), f"{campaign.last} became {now}"
        campaign.last = now
        return now

    def _until(self, id: CampaignId, done: Callable[[CampaignView], bool], what: str) -> CampaignView:
        return self.ask(_until(lambda: self.at.campaigns.get(self.who, id), done, what))

    def _stop(self, phone: Phone, stopped: bool) -> None:
        if not stopped:
            self.stopped.discard(phone)
            return
        self.stopped.add(phone)
        for campaign in self.sent:
            campaign.removed.add(phone)


def machine_of(place: Place) -> type[Machine]:
    """The machine there, for hypothesis to run."""
    return type("PlatformMachine", (Machine,), {"place": place})


def _has_ended(found: CampaignView) -> bool:
    """Also that nobody of it is on the way any more."""
    return found.state in (State.COMPLETED, State.CANCELLED) and not found.totals.open


async def _until(
    look: Callable[[], Awaitable[CampaignView]], done: Callable[[CampaignView], bool], what: str
) -> CampaignView:
    for _ in range(int(PATIENCE / LOOK)):
        if done(found := await look()):
            return found
        await asyncio.sleep(LOOK)
    raise AssertionError(f"{what} did not come within {PATIENCE} s")


async def _everyone(reports: Reports, actor: Actor, id: CampaignId) -> list[Recipient]:
    found, cursor = list[Recipient](), None
    while True:
        page = await reports.recipients(actor, id, cursor=cursor, limit=4)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def _messages(messages: Messages, actor: Actor, id: CampaignId) -> list[MessageId]:
    page = await messages.page(actor, campaign_id=id, limit=100)
    return [each.id for each in page.items]
