"""What the sandbox tells of itself and may be told to do: `/_sandbox/...`. Nothing here is Meta's."""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Struct

from tidings.adapters.sandbox.accounts import Access, Account, Line, Waba
from tidings.adapters.sandbox.apps import CODE_LIVES
from tidings.adapters.sandbox.calls import SUCCESS, Call, Reply, answered
from tidings.adapters.sandbox.files import inbound_media
from tidings.adapters.sandbox.moderation import Moderation
from tidings.adapters.sandbox.payloads import Item, ascii, contact
from tidings.adapters.sandbox.people import Fate
from tidings.adapters.sandbox.sending import switched
from tidings.adapters.sandbox.settings import Behaviour
from tidings.adapters.sandbox.templates import SandboxTemplate
from tidings.adapters.sandbox.webhooks import Webhooks
from tidings.adapters.sandbox.world import World
from tidings.domain.templates.components import Category

MOST = 10_000
_FILES = frozenset({"image", "video", "audio", "document", "sticker"})
T = TypeVar("T")


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


class _Part(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What becomes of one person's messages."""

    phone: str
    fate: Fate | None = None
    """None gives the person back to chance."""
    answer: str | None = None
    hides_phone: bool | None = None
    """Whether the number is kept from businesses, so that only the business-scoped id is told."""


class _Inbound(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A message from a person: a text, or any content in Meta's words; or a word on marketing."""

    phone: str
    phone_number_id: str | None = None
    text: str | None = None
    content: dict[str, object] | None = None
    """`{"type": "button", "button": {...}}`, with its context."""
    preference: str | None = None
    """`stop` or `resume`."""
    name: str | None = None


class _NewAccount(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A number to open. With a known WABA id the number joins that account."""

    waba_id: str | None = None
    phone_number_id: str | None = None
    access_token: str | None = None
    app_secret: str | None = None
    display_phone_number: str | None = None
    webhook: str | None = None


class _Verdict(Struct, frozen=True, forbid_unknown_fields=True):
    """What Meta says of a template."""

    reason: str = "INCORRECT_CATEGORY"
    score: str = "RED"
    category: Category = Category.MARKETING


class _Number(Struct, frozen=True, forbid_unknown_fields=True):
    """What changes about a number."""

    quality: str | None = None
    tier: str | None = None
    throughput: float | None = None


class _Notice(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A webhook about an account."""

    waba_id: str
    field: str
    value: dict[str, object]


class _Token(Struct, frozen=True, forbid_unknown_fields=True):
    """What a token is good for from now on."""

    token: str
    access: Access


class _Code(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The account that a code is for."""

    waba_id: str


class _Wrong(Exception):
    """The call cannot be understood."""


class Control:
    """The control API."""

    def __init__(self, world: World, moderation: Moderation, webhooks: Webhooks) -> None:
        self._world = world
        self._moderation = moderation
        self._webhooks = webhooks
        self._calls: dict[tuple[str, str], Callable[[Call], Reply]] = {
            ("GET", "state"): self._state,
            ("GET", "accepted"): self._accepted,
            ("GET", "faults"): lambda call: answered(self._world.faults),
            ("POST", "faults"): self._faults,
            ("GET", "behaviour"): lambda call: answered(self._world.people.behaviour),
            ("POST", "behaviour"): self._behaviour,
            ("POST", "inbound"): self._inbound,
            ("POST", "accounts"): self._account,
            ("POST", "notice"): self._notice,
            ("POST", "tokens"): self._token,
            ("POST", "codes"): self._code,
        }

    def answer(self, call: Call) -> Reply:
        parts = call.path.strip("/").split("/")[1:]
        try:
            match parts:
                case ["templates", id, word] if call.method == "POST":
                    return self._template(id, word, call)
                case ["numbers", id] if call.method == "POST":
                    return self._number(id, call)
                case [name] if answer := self._calls.get((call.method, name)):
                    return answer(call)
                case _:
                    return _wrong(404, "There is no such call.")
        except (msgspec.MsgspecError, _Wrong, ValueError) as error:
            return _wrong(400, str(error))

    def state(self) -> State:
        hooks = self._webhooks
        return State(
            accounts=[line.account for line in self._world.ordered],
            accepted=len(self._world.ledger),
            webhooks=Delivered(hooks.pending, hooks.delivered, hooks.failed),
        )

    def _state(self, call: Call) -> Reply:
        return answered(self.state())

    def _accepted(self, call: Call) -> Reply:
        params = call.params
        after = max(0, int(params.get("after", 0)))
        limit = min(MOST, max(1, int(params.get("limit", 1000))))
        return answered({"messages": [self._record(n) for n in self._world.ledger.after(after, limit)]})

    def _record(self, n: int) -> dict[str, object]:
        ledger = self._world.ledger
        message = ledger.get(n)
        return {
            "n": n,
            "wamid": self._world.wamid(n),
            "to": message.to,
            "phoneNumberId": self._world.ordered[message.line].id,
            "callbackData": message.callback,
            "template": ledger.names[message.template],
            "at": message.at,
            "status": ledger.told(n).word,
        }

    def _faults(self, call: Call) -> Reply:
        change = _read(call, dict[str, object])
        self._world.faults = switched(self._world.faults, change)
        return answered(self._world.faults)

    def _behaviour(self, call: Call) -> Reply:
        people = self._world.people
        said = _read(call, dict[str, object])
        if "phone" not in said:
            people.behaviour = msgspec.convert(msgspec.to_builtins(people.behaviour) | said, Behaviour)
            return answered(people.behaviour)
        part = _read(call, _Part)
        phone = _digits(part.phone)
        if part.hides_phone is None:
            people.give(phone, part.fate, part.answer)
        else:
            people.hide(phone, hidden=part.hides_phone)
        person = people.person(phone)
        return answered({"phone": phone, "fate": person.fate, "userId": person.user_id})

    def _inbound(self, call: Call) -> Reply:
        said = _read(call, _Inbound)
        line, phone = self._line(said.phone_number_id), _digits(said.phone)
        now = self._world.now()
        if said.preference is not None:
            item = self._preference(line, phone, said.preference, now)
        else:
            if said.text is None and said.content is None:
                raise _Wrong("text, content or preference is required")
            content = said.content or {"type": "text", "text": {"body": said.text}}
            if (kind := str(content.get("type"))) in _FILES:
                file = inbound_media(self._world.files, line, content.get(kind), now, call.host)
                content = {**content, kind: file}
            item = self._world.inbound(line, phone, content, now, said.name)
        self._world.at(now, lambda _: [item])
        return answered({"id": msgspec.json.decode(item.body, type=dict[str, object]).get("id")})

    def _preference(self, line: Line, phone: str, value: str, now: float) -> Item:
        if value not in ("stop", "resume"):
            raise _Wrong("preference must be stop or resume")
        people = self._world.people
        people.give(phone, Fate.STOPPED_MARKETING if value == "stop" else Fate.READS, None)
        who = people.person(phone)
        said = {
            "wa_id": who.phone,
            "user_id": who.user_id,
            "detail": f"User requested to {value} marketing messages",
            "category": "marketing_messages",
            "value": value,
            "timestamp": int(now),
        }
        return Item(line.waba, line, "user_preferences", ascii(said), contact(who))

    def _account(self, call: Call) -> Reply:
        said = _read(call, _NewAccount)
        account = self._world.open_account(
            waba_id=said.waba_id,
            phone_number_id=said.phone_number_id,
            access_token=said.access_token,
            app_secret=said.app_secret,
            display_phone_number=said.display_phone_number,
        )
        if said.webhook is not None:
            self._world.wabas[account.waba_id].webhook = said.webhook
        return answered(account)

    def _template(self, id: str, word: str, call: Call) -> Reply:
        template = self._world.templates.by_id.get(id)
        if template is None:
            return _wrong(404, "There is no such template.")
        self._moderation.tell(self._judged(template, word, call))
        return answered({"id": template.id, "status": template.status, "category": template.draft.category})

    def _judged(self, template: SandboxTemplate, word: str, call: Call) -> list[Item]:
        said = _read(call, _Verdict) if call.body else _Verdict()
        meta, now = self._moderation, self._world.now()
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
                self._world.hold(template)
                return []
            case "release":
                return self._world.release(template, now)
            case "drop":
                return meta.drop(template, now)
            case _:
                raise _Wrong(f"There is no verdict {word}.")

    def _number(self, id: str, call: Call) -> Reply:
        """A number's quality, throughput or messaging limit changes."""
        line, said = self._line(id), _read(call, _Number)
        standing, now = line.standing, self._world.now()
        standing.quality = said.quality or standing.quality
        standing.tier = said.tier or standing.tier
        event = "ONBOARDING"
        if said.throughput is not None:
            event, line.rate = "THROUGHPUT_UPGRADE", said.throughput
        value = {
            "display_phone_number": line.digits,
            "event": event,
            "max_daily_conversations_per_business": standing.tier,
            "current_limit": standing.tier,
        }
        item = Item(line.waba, None, "phone_number_quality_update", ascii(value), at=int(now))
        self._moderation.tell([item])
        return answered({"id": line.id, "quality": standing.quality, "tier": standing.tier})

    def _notice(self, call: Call) -> Reply:
        """Any notice about an account, in Meta's words."""
        said = _read(call, _Notice)
        waba = self._waba(said.waba_id)
        self._moderation.tell([Item(waba, None, said.field, ascii(said.value), at=int(self._world.now()))])
        return SUCCESS

    def _token(self, call: Call) -> Reply:
        said = _read(call, _Token)
        waba = self._world.tokens.get(said.token)
        if waba is None:
            raise _Wrong("there is no such token")
        waba.access = said.access
        return SUCCESS

    def _code(self, call: Call) -> Reply:
        """What Embedded Signup would hand to the browser."""
        waba, now = self._waba(_read(call, _Code).waba_id), self._world.now()
        code = f"AQ{self._world.dice.hex(f'code {self._world.next_number()} {now}', 40)}"
        self._world.codes[code] = (waba.id, now + CODE_LIVES)
        return answered({"code": code})

    def _waba(self, id: str) -> Waba:
        waba = self._world.wabas.get(id)
        if waba is None:
            raise _Wrong("there is no such account")
        return waba

    def _line(self, id: str | None) -> Line:
        line = self._world.lines.get(id) if id is not None else next(iter(self._world.ordered), None)
        if line is None:
            raise _Wrong("there is no such number")
        return line


def _read(call: Call, kind: type[T]) -> T:
    """Raise msgspec.MsgspecError."""
    return msgspec.json.decode(call.body, type=kind)


def _digits(phone: str) -> str:
    digits = "".join(c for c in phone if c in "0123456789")
    if not digits:
        raise _Wrong("phone must have digits")
    return digits


def _wrong(status: int, message: str) -> Reply:
    return Reply(status, msgspec.json.encode({"error": message}))
