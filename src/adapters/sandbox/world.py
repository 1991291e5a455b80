"""Meta's side of the world, without input, output or a clock: accounts, templates, messages, people, and
what will happen to them. Time is whatever the caller says it is.
"""

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

from tidings.adapters.sandbox.accounts import Account, Line, Waba, display_number, new_waba
from tidings.adapters.sandbox.clock import Now
from tidings.adapters.sandbox.dice import Dice
from tidings.adapters.sandbox.errors import GraphError
from tidings.adapters.sandbox.files import Files
from tidings.adapters.sandbox.ids import Wamids
from tidings.adapters.sandbox.journeys import Journeys
from tidings.adapters.sandbox.ledger import CATEGORIES, Accepted, Ledger
from tidings.adapters.sandbox.limits import Pairs
from tidings.adapters.sandbox.messages import Envelope, check_content, check_files, odd, recipient
from tidings.adapters.sandbox.payloads import Item, ascii, contact
from tidings.adapters.sandbox.people import People, Person
from tidings.adapters.sandbox.prices import refer
from tidings.adapters.sandbox.settings import SandboxSettings
from tidings.adapters.sandbox.templates import SandboxTemplate, Templates, hello_world

Happening: TypeAlias = Callable[[float], list[Item]]

_HELD_BACK = 2.0
_AGAIN = -1
"""Marks what was held back or doubled: it is not disturbed a second time."""


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
        self.people = People(self.dice, settings.behaviour, settings.endings, rewrite=settings.rewrite_wa_ids)
        self.templates = Templates(settings.template_limit, recategorise=settings.recategorise)
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
        self._held: dict[str, list[int]] = {}
        """Messages by the template whose quality is awaited."""
        self._journeys = Journeys(
            settings, self.people, self.ledger, self.ordered, self._wamids, self._push, self._let_answer
        )

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
        now = self.now()
        _check_standing(line, now)
        to = recipient(said, line)
        template = check_content(said, line, self.templates, lite=lite)
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
        _check_person(line, to, person)
        n = self.ledger.add(self._record(line, to, said, template, lite=lite, now=now))
        held = template is not None and self._hold(template, n, now)
        if not held:
            self._journeys.begin(n, person, now, odd(said))
        return Taken(self._wamids.outbound(to, n), person, held)

    def _record(
        self, line: Line, to: str, said: Envelope, template: SandboxTemplate | None, *, lite: bool, now: float
    ) -> Accepted:
        category = "service" if template is None else template.draft.category.lower()
        place = CATEGORIES.index("marketing_lite" if lite else category)
        name = 0 if template is None else self.ledger.template(template.draft.name)
        return Accepted(to, line.index, said.biz_opaque_callback_data, name, place, now)

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
                items.append(self._journeys.step(what, step, at))
        if self.faults.duplicate_webhooks or self.faults.shuffle_webhooks:
            items = self._disturbed(items, now)
        return items + released

    def unfinished(self, template: SandboxTemplate) -> bool:
        """Whether a message of a template is still on its way."""
        return self.ledger.unfinished(self.ledger.template(template.draft.name))

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
            if good:
                self._journeys.begin(n, self.people.person(self.ledger.get(n).to), at)
            else:
                self._journeys.drop(n, at)
        return []

    def _let_answer(self, moment: float, line: Line, message: Accepted, answer: str) -> None:
        content = {"type": "text", "text": {"body": answer}}
        self.at(moment, lambda at: [self.inbound(line, message.to, content, at)])

    def inbound(
        self, line: Line, address: str, content: Mapping[str, object], at: float, name: str | None = None
    ) -> Item:
        """A person writes to a number."""
        person = self.people.person(address)
        if name:
            person = person._replace(name=name)
        if content.get("type") != "system":
            line.talked[person.user_id] = at
            self.changed = True
        if "referral" in content:
            refer(line, person, at)
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


def _check_standing(line: Line, now: float) -> None:
    """Raise GraphError for a number that cannot send, or for an account that may not."""
    if not line.standing.registered:
        raise GraphError(133010, "The number is not registered.")
    if code := line.refuses or line.waba.refuses:
        raise GraphError(code, "This account may not send messages.")
    if now < line.upgraded_at:
        raise GraphError(131057, "The throughput of this number is being raised.")


def _check_person(line: Line, to: str, person: Person) -> None:
    """Raise GraphError for somebody who may not be written to."""
    if line.waba.allowed is not None and to not in line.waba.allowed:
        raise GraphError(131030, "The number is not on the list of allowed numbers.", subcode=2655007)
    if line.blocked and person.user_id in line.blocked:
        raise GraphError(130403, "The business has blocked this user.")
    if code := person.script.refused_with:
        raise GraphError(code, "The message was refused.")
