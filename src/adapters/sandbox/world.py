"""Meta's side of the world, without input, output or a clock: accounts, templates, messages, people, and
what will happen to them. Time is whatever the caller says it is.
"""

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

from tidings.adapters.sandbox.accounts import Account, Line, Waba, display_number, new_waba
from tidings.adapters.sandbox.dice import Dice, between
from tidings.adapters.sandbox.errors import GraphError
from tidings.adapters.sandbox.files import Files
from tidings.adapters.sandbox.ids import Wamids
from tidings.adapters.sandbox.ledger import CATEGORIES, Accepted, Ledger, Step
from tidings.adapters.sandbox.limits import TIERS, Pairs
from tidings.adapters.sandbox.messages import Envelope, check_content, check_files, recipient
from tidings.adapters.sandbox.payloads import Item, Said, ascii, contact, pricing, status
from tidings.adapters.sandbox.people import Fate, People, Person
from tidings.adapters.sandbox.settings import SandboxSettings
from tidings.adapters.sandbox.templates import SandboxTemplate, Templates, hello_world

Now: TypeAlias = Callable[[], float]
Happening: TypeAlias = Callable[[float], list[Item]]

WINDOW = 86400.0
"""Seconds after a person's message in which free text may be sent."""
_HELD_BACK = 2.0
_AGAIN = -1
"""Marks what was held back or doubled: it is not disturbed a second time."""

_DETAILS = {
    131026: "Message undeliverable.",
    130472: "This message was not sent because the user is part of an experiment.",
    131050: "The user has stopped receiving marketing messages from this business.",
    131047: "Message failed to send because more than 24 hours have passed since the customer last replied.",
    131048: "Message failed to send because there are restrictions on how many messages can be sent.",
    131049: "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
    132015: "The template was paused while its quality was assessed.",
}


class Taken(NamedTuple):
    """A message that was accepted, or is held until its template's quality is known."""

    wamid: str
    person: Person
    held: bool


class World:
    """Everything the sandbox knows."""

    def __init__(self, settings: SandboxSettings, now: Now) -> None:
        self.settings = settings
        self.faults = settings.faults
        self.now = now
        self.dice = Dice(settings.seed)
        self.people = People(self.dice, settings.behaviour, rewrite=settings.rewrite_wa_ids)
        self.templates = Templates()
        self.ledger = Ledger()
        self.files = Files(self.dice)
        self.wabas: dict[str, Waba] = {}
        self.lines: dict[str, Line] = {}
        self.ordered: list[Line] = []
        self.tokens: dict[str, Waba] = {}
        self.codes: dict[str, tuple[str, float]] = {}
        """Of Embedded Signup: the account that each is for, and until when it is good."""
        self.changed = True
        """Accounts or templates differ from what was last kept."""
        self._wamids = Wamids(settings.seed, now())
        self._pairs = Pairs()
        self._heap: list[tuple[float, int, int | Happening, int]] = []
        self._made = 0
        self._stopped: set[tuple[int, str]] = set()
        self._held: dict[str, list[int]] = {}
        """Messages by the template whose quality is awaited."""

    @property
    def pending(self) -> int:
        return len(self._heap) + sum(len(held) for held in self._held.values())

    @property
    def next_moment(self) -> float | None:
        """When something happens next."""
        return self._heap[0][0] if self._heap else None

    def next_number(self) -> int:
        self._made += 1
        return self._made

    def open_account(
        self,
        *,
        waba_id: str | None = None,
        phone_number_id: str | None = None,
        access_token: str | None = None,
        app_secret: str | None = None,
        display_phone_number: str | None = None,
    ) -> Account:
        """A number, and the WABA that it belongs to if there is none of that id yet."""
        n = len(self.ordered) + 1
        waba = self.wabas.get(waba_id or "") or self._open_waba(n, waba_id, access_token, app_secret)
        line = Line(
            id=phone_number_id or self.dice.number(f"phone {n}", 15),
            display=display_phone_number or display_number(self.dice, n),
            waba=waba,
            index=len(self.ordered),
            rate=self.settings.throughput,
            tokens=self.settings.throughput,
            filled=self.now(),
        )
        line.standing.tier = self.settings.messaging_limit
        self.lines[line.id] = line
        self.ordered.append(line)
        self.changed = True
        return line.account

    def _open_waba(self, n: int, id: str | None, token: str | None, secret: str | None) -> Waba:
        waba = new_waba(self.dice, n, id, token, secret)
        self.wabas[waba.id] = waba
        self.tokens[waba.access_token] = waba
        if self.settings.sample_template:
            self.templates.keep(hello_world(waba.id, self.dice.number(f"hello {n}", 16)))
        return waba

    def accept(self, line: Line, said: Envelope, *, lite: bool = False) -> Taken:
        """Raise GraphError. `lite` messages came by the marketing API."""
        if not line.standing.registered:
            raise GraphError(133010, "The number is not registered.")
        to = recipient(said, line)
        template = check_content(said, line, self.templates, lite=lite)
        now = self.now()
        if self.settings.check_media:
            check_files(said, lambda id: self.files.find(line.waba, id, now) is not None)
        if not line.take(now):
            raise GraphError(
                130429,
                "Message failed to send because there were too many messages sent from this phone number "
                "in a short period of time",
            )
        if self.settings.pair_limit:
            self._pairs.take(line.index, to, now)
        person = self.people.person(to)
        n = self.ledger.add(self._record(line, to, said, template, lite=lite))
        held = template is not None and self._hold(template, n, now)
        if not held:
            self._push(now + between(self.people.behaviour.sent, person.chances[0]), n, Step.SENT)
        return Taken(self._wamids.outbound(to, n), person, held)

    def _record(
        self, line: Line, to: str, said: Envelope, template: SandboxTemplate | None, *, lite: bool
    ) -> Accepted:
        category = "service" if template is None else template.draft.category.lower()
        place = CATEGORIES.index("marketing_lite" if lite else category)
        name = 0 if template is None else self.ledger.template(template.draft.name)
        return Accepted(to, line.index, said.biz_opaque_callback_data, name, place, self.now())

    def wamid(self, n: int) -> str:
        return self._wamids.outbound(self.ledger.get(n).to, n)

    def at(self, moment: float, happening: Happening) -> None:
        """Let something happen then."""
        self._push(moment, happening, 0)

    def due(self, now: float) -> list[Item]:
        """What is to be told by now. It is forgotten here: the caller brings it home."""
        items: list[Item] = []
        released: list[Item] = []
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, _, what, step = heappop(heap)
            if callable(what):
                (released if step == _AGAIN else items).extend(what(at))
            else:
                items += self._step(what, step, at)
        if self.faults.duplicate_webhooks or self.faults.shuffle_webhooks:
            items = self._disturbed(items, now)
        return items + released

    def _push(self, at: float, what: int | Happening, step: int) -> None:
        self._made += 1
        heappush(self._heap, (at, self._made, what, step))

    def _hold(self, template: SandboxTemplate, n: int, now: float) -> bool:
        """Whether the message waits until the template's quality is known (fact sheet 4.9)."""
        burst = self.settings.pacing_burst
        if template.id not in self._held:
            if burst is None or template.paced or template.quality == "GREEN":
                return False
            template.sent += 1
            if template.sent <= burst or template.draft.category == "AUTHENTICATION":
                return False
            self.hold(template)
            self.at(now + self.settings.pacing_hold, lambda at: self.release(template, at))
        self._held[template.id].append(n)
        return True

    def hold(self, template: SandboxTemplate) -> None:
        """From now on messages of this template wait."""
        self._held.setdefault(template.id, [])

    def release(self, template: SandboxTemplate, at: float, *, good: bool = True) -> list[Item]:
        """Let what was held go, or fail."""
        template.paced = good
        for n in self._held.pop(template.id, ()):
            person = self.people.person(self.ledger.get(n).to)
            wait = between(self.people.behaviour.sent, person.chances[0])
            self._push(at + wait, n, Step.SENT if good else Step.FAILED)
        return []

    def _step(self, n: int, step: int, at: float) -> list[Item]:
        message = self.ledger.get(n)
        line = self.ordered[message.line]
        person = self.people.person(message.to)
        if step == Step.FAILED:
            return [self._told(n, message, person, Step.FAILED, at, 132015)]
        if step == Step.SENT:
            if error := self._failure(message, line, person, at):
                return [self._told(n, message, person, Step.FAILED, at, error)]
            self._push(at + between(self.people.behaviour.delivered, person.chances[1]), n, Step.DELIVERED)
        elif step == Step.DELIVERED and person.fate is not Fate.NEVER_READS:
            self._push(at + between(self.people.behaviour.read, person.chances[2]), n, Step.READ)
        elif step == Step.READ and message.template:
            self._let_answer(message, line, person, at)
        return [self._told(n, message, person, Step(step), at)]

    def _told(self, n: int, message: Accepted, person: Person, step: Step, at: float, error: int = 0) -> Item:
        line = self.ordered[message.line]
        cost = ""
        if step in (Step.SENT, Step.DELIVERED):
            in_window = self._in_window(line, person, at)
            cost = pricing(CATEGORIES[message.category], in_window=in_window, at=at)
        wamid = self._wamids.outbound(message.to, n)
        said = Said(wamid, message.callback, step, int(at), cost, error, _DETAILS.get(error, ""))
        who = None if error else contact(person)
        return Item(line.waba, line, "statuses", status(said, person), who, n, step)

    def _failure(self, message: Accepted, line: Line, person: Person, at: float) -> int:
        """Why Meta does not deliver, or 0."""
        if person.fate is Fate.NOT_ON_WHATSAPP:
            return 131026
        in_window = self._in_window(line, person, at)
        if CATEGORIES[message.category].startswith("marketing"):
            if error := self._unwanted(line, person, at, in_window=in_window):
                return error
        elif not message.category and self.settings.service_window and not in_window:
            return 131047
        most = TIERS.get(line.standing.tier)
        if most is not None and not in_window and not line.waba.reach.may(person.user_id, most, at):
            return 131048
        return 0

    def _unwanted(self, line: Line, person: Person, at: float, *, in_window: bool) -> int:
        """Why marketing does not reach a person, or 0."""
        if person.fate is Fate.EXPERIMENT:
            return 130472
        if person.fate is Fate.STOPPED_MARKETING:
            return 131050
        if not self.settings.us_marketing and person.phone.startswith("1"):
            return 131049
        most = self.settings.marketing_a_day
        if most is not None and not in_window and not line.waba.marketing.may(person.user_id, most, at):
            return 131049
        return 0

    def _in_window(self, line: Line, person: Person, at: float) -> bool:
        return at - line.talked.get(person.user_id, -WINDOW) < WINDOW

    def _let_answer(self, message: Accepted, line: Line, person: Person, at: float) -> None:
        if person.fate is Fate.SAYS_STOP:
            if (line.index, person.user_id) in self._stopped:
                return
            self._stopped.add((line.index, person.user_id))
        elif person.fate is not Fate.ANSWERS:
            return
        moment = at + between(self.people.behaviour.answer, person.chances[3])
        content = {"type": "text", "text": {"body": person.answer}}
        self.at(moment, lambda at: [self.inbound(line, message.to, content, at)])

    def inbound(
        self, line: Line, address: str, content: Mapping[str, object], at: float, name: str | None = None
    ) -> Item:
        """A person writes to a number."""
        person = self.people.meet(address) if address.isdecimal() else self.people.person(address)
        if name:
            person = person._replace(name=name)
        line.talked[person.user_id] = at
        said = {
            "from": person.shown,
            "from_user_id": person.user_id,
            "id": self._wamids.inbound(person.phone or "0", self.next_number()),
            "timestamp": str(int(at)),
            **content,
        }
        if not person.shown:
            del said["from"]
        return Item(line.waba, line, "messages", ascii(said), contact(person))

    def _disturbed(self, items: list[Item], now: float) -> list[Item]:
        kept: list[Item] = []
        for item in items:
            rolls = self.dice.roll(f"webhook {self.next_number()}")
            if rolls[0] < self.faults.duplicate_webhooks:
                self._later(item, now + _HELD_BACK * rolls[1])
            if rolls[2] < self.faults.shuffle_webhooks:
                self._later(item, now + _HELD_BACK * rolls[3])
            else:
                kept.append(item)
        return kept

    def _later(self, item: Item, at: float) -> None:
        self._push(at, lambda _: [item], _AGAIN)
