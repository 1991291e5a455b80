"""Meta's side of the world, without input, output or a clock: accounts, templates, messages, people, and
what will happen to them. Time is whatever the caller says it is.
"""

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import TypeAlias

from tidings.adapters.sandbox.accounts import Account, Line, Waba, display_number, new_waba
from tidings.adapters.sandbox.dice import Dice, between
from tidings.adapters.sandbox.errors import GraphError
from tidings.adapters.sandbox.ids import Wamids
from tidings.adapters.sandbox.ledger import CATEGORIES, Accepted, Ledger, Step
from tidings.adapters.sandbox.messages import Envelope, check_content, recipient
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
}


class World:
    """Everything the sandbox knows."""

    def __init__(self, settings: SandboxSettings, now: Now) -> None:
        self.settings = settings
        self.faults = settings.faults
        self.now = now
        self.dice = Dice(settings.seed)
        self.people = People(self.dice, settings.behaviour)
        self.templates = Templates()
        self.ledger = Ledger()
        self.wabas: dict[str, Waba] = {}
        self.lines: dict[str, Line] = {}
        self.ordered: list[Line] = []
        self.tokens: dict[str, Waba] = {}
        self.changed = True
        """Accounts or templates differ from what was last kept."""
        self._wamids = Wamids(settings.seed, now())
        self._heap: list[tuple[float, int, int | Happening, int]] = []
        self._made = 0
        self._stopped: set[tuple[int, str]] = set()

    @property
    def pending(self) -> int:
        return len(self._heap)

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

    def accept(self, line: Line, said: Envelope) -> tuple[str, str]:
        """The recipient and the message's id. Raise GraphError."""
        to = recipient(said, line)
        template = check_content(said, line, self.templates)
        now = self.now()
        if not line.take(now):
            raise GraphError(
                130429,
                "Message failed to send because there were too many messages sent from this phone number "
                "in a short period of time",
            )
        category = 0 if template is None else CATEGORIES.index(template.draft.category.lower())
        name = 0 if template is None else self.ledger.template(template.draft.name)
        message = Accepted(to, line.index, said.biz_opaque_callback_data, name, category, now)
        n = self.ledger.add(message)
        person = self.people.person(to)
        self._push(now + between(self.people.behaviour.sent, person.chances[0]), n, Step.SENT)
        return to, self._wamids.outbound(to, n)

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

    def _step(self, n: int, step: int, at: float) -> list[Item]:
        message = self.ledger.get(n)
        line = self.ordered[message.line]
        person = self.people.person(message.to)
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
            cost = pricing(message.category, in_window=self._in_window(line, message.to, at), at=at)
        wamid = self._wamids.outbound(message.to, n)
        details = _DETAILS.get(error, "")
        said = Said(wamid, message.to, message.callback, step, int(at), cost, error, details)
        who = None if error else contact(person, message.to)
        return Item(line.waba, line, "statuses", status(said, person), who, n, step)

    def _failure(self, message: Accepted, line: Line, person: Person, at: float) -> int:
        marketing = CATEGORIES[message.category] == "marketing"
        if person.fate is Fate.NOT_ON_WHATSAPP:
            return 131026
        if person.fate is Fate.EXPERIMENT and marketing:
            return 130472
        if person.fate is Fate.STOPPED_MARKETING and marketing:
            return 131050
        if (
            not message.category
            and self.settings.service_window
            and not self._in_window(line, message.to, at)
        ):
            return 131047
        return 0

    def _in_window(self, line: Line, phone: str, at: float) -> bool:
        return at - line.talked.get(phone, -WINDOW) < WINDOW

    def _let_answer(self, message: Accepted, line: Line, person: Person, at: float) -> None:
        if person.fate is Fate.SAYS_STOP:
            if (line.index, message.to) in self._stopped:
                return
            self._stopped.add((line.index, message.to))
        elif person.fate is not Fate.ANSWERS:
            return
        moment = at + between(self.people.behaviour.answer, person.chances[3])
        content = {"type": "text", "text": {"body": person.answer}}
        self.at(moment, lambda at: [self.inbound(line, message.to, content, at)])

    def inbound(
        self, line: Line, phone: str, content: Mapping[str, object], at: float, name: str | None = None
    ) -> Item:
        """A person writes to a number."""
        person = self.people.person(phone)
        if name:
            person = person._replace(name=name)
        line.talked[phone] = at
        said = {
            "from": phone,
            "from_user_id": person.user_id,
            "id": self._wamids.inbound(phone, self.next_number()),
            "timestamp": str(int(at)),
            **content,
        }
        return Item(line.waba, line, "messages", ascii(said), contact(person, phone))

    def submit(self, waba: Waba, raw: object) -> SandboxTemplate:
        """Raise GraphError."""
        now = self.now()
        draft, verdict = self.templates.read(waba.id, raw, now)
        id = self.dice.number(f"template {waba.id} {draft.name} {draft.language} {now}", 16)
        template = SandboxTemplate(id=id, waba_id=waba.id, draft=draft, verdict=verdict)
        self.templates.keep(template)
        self.review(template)
        return template

    def review(self, template: SandboxTemplate) -> None:
        """Let Meta look at it, and tell in a while."""
        self.changed = True
        draft = template.draft

        def decide(at: float) -> list[Item]:
            if template.status != "PENDING" or template.draft is not draft:
                return []
            rejected = template.verdict != "NONE"
            return self.decide(template, "REJECTED" if rejected else "APPROVED", template.verdict, at)

        if self.settings.review_delay > 0:
            self.at(self.now() + self.settings.review_delay, decide)
        else:
            told = decide(self.now())
            self.at(self.now(), lambda _: told)

    def decide(self, template: SandboxTemplate, word: str, reason: str, at: float) -> list[Item]:
        """Meta's word on a template, and the webhook that tells it."""
        template.status, template.reason = word, reason
        self.changed = True
        waba = self.wabas[template.waba_id]
        value: dict[str, object] = {
            "event": word,
            "message_template_id": int(template.id),
            "message_template_name": template.draft.name,
            "message_template_language": template.draft.language,
            "reason": reason,
            "message_template_category": template.draft.category,
        }
        if word == "PAUSED":
            value["other_info"] = {"title": "FIRST_PAUSE", "description": "Paused for low quality."}
        if reason == "INVALID_FORMAT":
            value["rejection_info"] = {
                "reason": "The format of the template is invalid.",
                "recommendation": "Put words between the variables.",
            }
        return [Item(waba, None, "message_template_status_update", ascii(value), at=int(at))]

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
