"""Whoever directs the play: what people do, what goes wrong, what Meta decides, how fast time goes.

The control API (`control.py`) says the same over HTTP. Nothing here is Meta's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, Struct, UnsetType

from tidings.adapters.sandbox.accounts import Access, Account, Line, Waba
from tidings.adapters.sandbox.apps import CODE_LIVES
from tidings.adapters.sandbox.clock import Clock
from tidings.adapters.sandbox.files import inbound_media
from tidings.adapters.sandbox.moderation import Moderation
from tidings.adapters.sandbox.payloads import Item, ascii, contact
from tidings.adapters.sandbox.people import Person
from tidings.adapters.sandbox.sending import switched
from tidings.adapters.sandbox.settings import NO_SCRIPT, Behaviour, Fate, Faults, Script
from tidings.adapters.sandbox.templates import SandboxTemplate
from tidings.adapters.sandbox.webhooks import Webhooks
from tidings.adapters.sandbox.world import World
from tidings.domain.templates.components import Category

_FILES = frozenset({"image", "video", "audio", "document", "sticker"})


class Unknown(ValueError):
    """The sandbox has no such account, number, token or template."""


class Misdirected(ValueError):
    """This cannot be played."""


class Delivered(Struct, frozen=True):
    """How far webhooks have come, in items."""

    pending: int
    delivered: int
    failed: int


class State(Struct, frozen=True):
    """The sandbox at a glance."""

    accounts: list[Account]
    accepted: int
    webhooks: Delivered
    now: float
    speed: float
    seed: int


class Record(Struct, frozen=True, rename="camel"):
    """A message that was accepted, and the furthest status that a webhook brought home."""

    n: int
    wamid: str
    to: str
    phone_number_id: str
    callback_data: str | None
    template: str | None
    at: float
    status: str


class Inbound(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A message from a person: a text, or any content in Meta's words; or a word on marketing."""

    phone: str
    phone_number_id: str | None = None
    text: str | None = None
    content: dict[str, object] | None = None
    """`{"type": "button", "button": {...}}`, with its context."""
    preference: str | None = None
    """`stop` or `resume`."""
    name: str | None = None


class Verdict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Meta says of a template."""

    reason: str = "INCORRECT_CATEGORY"
    score: str = "RED"
    category: Category = Category.MARKETING


class NumberChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes about a number; what is not said stays."""

    quality: str | None = None
    tier: str | None = None
    throughput: float | None = None
    refuses: int | UnsetType | None = UNSET
    """The code with which it refuses every message; None lets it send again."""


class AccountChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes about an account; what is not said stays."""

    refuses: int | UnsetType | None = UNSET
    """The code with which every message is refused, such as 131031 or 368; None ends it."""
    fails: int | UnsetType | None = UNSET
    """The code with which every message fails after it was accepted, such as 131042; None ends it."""
    allowed: list[str] | UnsetType | None = UNSET
    """The only numbers that may be written to (131030); None lets all in."""


class _Named(Struct, frozen=True):
    id: str | None = None


class ClockTurn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Time put forward by seconds, or made to run so many times as fast."""

    advance: float = 0.0
    speed: float | None = None


@dataclass(frozen=True, slots=True)
class Director:
    """Moves everything in the sandbox that Meta, people or chance would move."""

    world: World
    moderation: Moderation
    webhooks: Webhooks
    clock: Clock
    save: Callable[[], bool]
    """Writes the snapshot now, if there is a file for it."""

    def state(self) -> State:
        hooks = self.webhooks
        return State(
            accounts=[line.account for line in self.world.ordered],
            accepted=len(self.world.ledger),
            webhooks=Delivered(hooks.pending, hooks.delivered, hooks.failed),
            now=self.clock(),
            speed=self.clock.speed,
            seed=self.world.dice.seed,
        )

    def accepted(self, after: int = 0, limit: int = 1000) -> list[Record]:
        """Messages in the order in which they were accepted, numbered from 1."""
        return [self._record(n) for n in self.world.ledger.after(max(0, after), limit)]

    def break_(self, change: Mapping[str, object]) -> Faults:
        """Move some of the switches of `Faults`. Raise msgspec.ValidationError."""
        self.world.faults = switched(self.world.faults, change)
        return self.world.faults

    def behave(self, change: Mapping[str, object]) -> Behaviour:
        """Change how people in general behave. Raise msgspec.ValidationError."""
        whole = msgspec.to_builtins(self.world.people.behaviour) | change
        self.world.people.behaviour = msgspec.convert(whole, Behaviour)
        return self.world.people.behaviour

    def seed(self, seed: int) -> int:
        """What chance decides from now on is what it decides with this seed; ids that were given stay.

        Raise Misdirected.
        """
        try:
            self.world.dice.begin(seed)
        except OverflowError as error:
            raise Misdirected("seed must fit into 16 bytes") from error
        return seed

    def person(self, phone: str, change: Mapping[str, object]) -> Person:
        """Change somebody's `Script`; changed in nothing, they are left to chance again.

        Raise msgspec.ValidationError or Misdirected.
        """
        digits = _digits(phone)
        script = _changed(self.world.people.script(digits), change) if change else NO_SCRIPT
        return self.world.people.give(digits, script)

    def ending(self, ending: str, script: Script) -> None:
        """Give everybody a script whose number ends so; `Script()` takes it away. Raise Misdirected."""
        self.world.people.give_ending(_digits(ending), script)

    def hear(self, said: Inbound, host: str = "") -> str | None:
        """Let a person write; the message's id. Raise Misdirected or Unknown."""
        line, phone, now = self.line(said.phone_number_id), _digits(said.phone), self.world.now()
        if said.preference is not None:
            item = self._preference(line, phone, said.preference, now)
        elif said.text is None and said.content is None:
            raise Misdirected("text, content or preference is required")
        else:
            content = said.content or {"type": "text", "text": {"body": said.text}}
            if (kind := str(content.get("type"))) in _FILES:
                file = inbound_media(self.world.files, line, content.get(kind), now, host)
                content = {**content, kind: file}
            if self.world.people.person(phone).fate is Fate.NOT_ON_WHATSAPP:
                # Who writes has WhatsApp, whatever chance had said of them.
                self.person(phone, {"fate": Fate.READS})
            item = self.world.inbound(line, phone, content, now, said.name)
        self.world.at(now, lambda _: [item])
        return msgspec.json.decode(item.body, type=_Named).id

    def judge(self, template_id: str, word: str, said: Verdict | None = None) -> SandboxTemplate:
        """Meta's word on a template: approve, reject, pause, disable, quality, category, hold, release, drop.

        Raise Unknown or Misdirected.
        """
        template = self.world.templates.by_id.get(template_id)
        if template is None:
            raise Unknown("there is no such template")
        self.moderation.tell(self._judged(template, word, said or Verdict()))
        return template

    def number(self, id: str, change: NumberChange) -> Line:
        """A number's quality, messaging limit or throughput changes, and is told. Raise Unknown."""
        line, now = self.line(id), self.world.now()
        standing = line.standing
        standing.quality = change.quality or standing.quality
        standing.tier = change.tier or standing.tier
        if change.refuses is not UNSET:
            line.refuses = change.refuses
        event, told_at = "ONBOARDING", now
        if change.throughput is not None:
            event, line.rate = "THROUGHPUT_UPGRADE", change.throughput
            line.upgraded_at = told_at = now + self.world.settings.upgrade_seconds
        value = {
            "display_phone_number": line.digits,
            "event": event,
            "max_daily_conversations_per_business": standing.tier,
            "current_limit": standing.tier,
        }
        item = Item(line.waba, None, "phone_number_quality_update", ascii(value), at=int(told_at))
        self.world.changed = True
        if change.quality or change.tier or change.throughput is not None:
            self.world.at(told_at, lambda _: [item])
        return line

    def account(self, waba_id: str, change: AccountChange) -> Waba:
        """What an account may do. Nothing is told of it: see `notice`. Raise Unknown."""
        waba = self.waba(waba_id)
        if change.refuses is not UNSET:
            waba.refuses = change.refuses
        if change.fails is not UNSET:
            waba.fails = change.fails
        if change.allowed is not UNSET:
            allowed = change.allowed
            waba.allowed = None if allowed is None else frozenset(_digits(phone) for phone in allowed)
        return waba

    def notice(self, waba_id: str, field: str, value: Mapping[str, object]) -> None:
        """Any webhook about an account, in Meta's words. Raise Unknown."""
        now = int(self.world.now())
        self.moderation.tell([Item(self.waba(waba_id), None, field, ascii(value), at=now)])

    def access(self, token: str, access: Access) -> None:
        """What a token is good for from now on. Raise Unknown."""
        waba = self.world.tokens.get(token)
        if waba is None:
            raise Unknown("there is no such token")
        waba.access = access

    def code(self, waba_id: str) -> str:
        """What Embedded Signup would hand to the browser. Raise Unknown."""
        waba, now = self.waba(waba_id), self.world.now()
        code = f"AQ{self.world.dice.hex(f'code {self.world.next_number()} {now}', 40)}"
        self.world.codes[code] = (waba.id, now + CODE_LIVES)
        return code

    def waba(self, id: str) -> Waba:
        """Raise Unknown."""
        if waba := self.world.wabas.get(id):
            return waba
        raise Unknown("there is no such account")

    def line(self, id: str | None = None) -> Line:
        """A number, or the first. Raise Unknown."""
        line = self.world.lines.get(id) if id is not None else next(iter(self.world.ordered), None)
        if line is None:
            raise Unknown("there is no such number")
        return line

    def _record(self, n: int) -> Record:
        ledger = self.world.ledger
        message = ledger.get(n)
        return Record(
            n=n,
            wamid=self.world.wamid(n),
            to=message.to,
            phone_number_id=self.world.ordered[message.line].id,
            callback_data=message.callback,
            template=ledger.names[message.template],
            at=message.at,
            status=ledger.told(n).word,
        )

    def _preference(self, line: Line, phone: str, value: str, now: float) -> Item:
        if value not in ("stop", "resume"):
            raise Misdirected("preference must be stop or resume")
        fate = Fate.STOPPED_MARKETING if value == "stop" else Fate.READS
        who = self.person(phone, {"fate": fate})
        said = {
            **({"wa_id": who.shown} if who.shown else {}),
            "user_id": who.user_id,
            "detail": f"User requested to {value} marketing messages",
            "category": "marketing_messages",
            "value": value,
            "timestamp": int(now),
        }
        return Item(line.waba, line, "user_preferences", ascii(said), contact(who))

    def _judged(self, template: SandboxTemplate, word: str, said: Verdict) -> list[Item]:
        meta, now = self.moderation, self.world.now()
        match word:
            case "approve":
                return meta.decide(template, "APPROVED", now)
            case "reject":
                return meta.decide(template, "REJECTED", now, reason=said.reason)
            case "pause":
                return meta.pause(template, now)
            case "disable":
                return meta.decide(template, "DISABLED", now, title="DISABLED")
            case "quality":
                return meta.assess(template, said.score, now)
            case "category":
                return meta.recategorise(template, said.category, now)
            case "hold":
                self.world.hold(template)
                return []
            case "release":
                return self.world.release(template, now)
            case "drop":
                return meta.drop(template, now)
            case _:
                raise Misdirected(f"There is no verdict {word}.")


def _changed(script: Script, change: Mapping[str, object]) -> Script:
    """Raise msgspec.ValidationError."""
    return msgspec.convert(msgspec.to_builtins(script) | dict(change), Script)


def _digits(phone: str) -> str:
    digits = "".join(c for c in phone if c in "0123456789")
    if not digits:
        raise Misdirected("phone must have digits")
    return digits
