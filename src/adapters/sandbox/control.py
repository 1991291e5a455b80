"""The director's wishes over HTTP: `/_sandbox/...`, in JSON. Nothing here is Meta's."""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Struct

from tidings.adapters.sandbox.accounts import Access
from tidings.adapters.sandbox.calls import SUCCESS, Call, Reply, answered
from tidings.adapters.sandbox.director import (
    AccountChange,
    ClockTurn,
    Director,
    Inbound,
    NumberChange,
    Unknown,
    Verdict,
)
from tidings.adapters.sandbox.settings import Script

MOST = 10_000
T = TypeVar("T")


class _NewAccount(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A number to open. With a known WABA id the number joins that account."""

    waba_id: str | None = None
    phone_number_id: str | None = None
    access_token: str | None = None
    app_secret: str | None = None
    display_phone_number: str | None = None
    webhook: str | None = None


class _Notice(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A webhook about an account."""

    waba_id: str
    field: str
    value: dict[str, object]


class _Token(Struct, frozen=True, forbid_unknown_fields=True):
    """What a token is good for from now on."""

    token: str
    access: Access


class _Seed(Struct, frozen=True, forbid_unknown_fields=True):
    """What chance is decided by."""

    seed: int


class _Code(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The account that a code is for."""

    waba_id: str


class Control:
    """The control API."""

    def __init__(self, director: Director) -> None:
        self._director = director
        self._calls: dict[tuple[str, str], Callable[[Call], Reply]] = {
            ("GET", "state"): lambda call: answered(director.state()),
            ("GET", "accepted"): self._accepted,
            ("GET", "faults"): lambda call: answered(director.world.faults),
            ("POST", "faults"): lambda call: answered(director.break_(_read(call, dict[str, object]))),
            ("GET", "behaviour"): lambda call: answered(director.world.people.behaviour),
            ("POST", "behaviour"): self._behaviour,
            ("POST", "inbound"): lambda call: answered(
                {"id": director.hear(_read(call, Inbound), call.host)}
            ),
            ("POST", "accounts"): self._account,
            ("POST", "notice"): self._notice,
            ("POST", "tokens"): self._token,
            ("POST", "codes"): lambda call: answered({"code": director.code(_read(call, _Code).waba_id)}),
            ("GET", "clock"): self._clock,
            ("POST", "clock"): self._turn,
            ("POST", "seed"): lambda call: answered({"seed": director.seed(_read(call, _Seed).seed)}),
            ("POST", "snapshot"): lambda call: answered({"saved": director.save()}),
        }

    def answer(self, call: Call) -> Reply:
        parts = call.path.strip("/").split("/")[1:]
        try:
            match parts:
                case ["templates", id, word] if call.method == "POST":
                    return self._template(id, word, call)
                case ["numbers", id] if call.method == "POST":
                    return self._number(id, call)
                case ["accounts", id] if call.method == "POST":
                    self._director.account(id, _read(call, AccountChange))
                    return SUCCESS
                case [name] if answer := self._calls.get((call.method, name)):
                    return answer(call)
                case _:
                    return _wrong(404, "There is no such call.")
        except Unknown as error:
            return _wrong(404, str(error))
        except (msgspec.MsgspecError, ValueError) as error:
            return _wrong(400, str(error))

    def _accepted(self, call: Call) -> Reply:
        params = call.params
        limit = min(MOST, max(1, int(params.get("limit", 1000))))
        return answered({"messages": self._director.accepted(int(params.get("after", 0)), limit)})

    def _behaviour(self, call: Call) -> Reply:
        """People in general, one person, or all whose number ends so."""
        said = _read(call, dict[str, object])
        if "endsWith" in said:
            ending = str(said.pop("endsWith"))
            self._director.ending(ending, msgspec.convert(said, Script))
            return SUCCESS
        if "phone" not in said:
            return answered(self._director.behave(said))
        person = self._director.person(str(said.pop("phone")), said)
        return answered({"phone": person.phone, "fate": person.fate, "userId": person.user_id})

    def _account(self, call: Call) -> Reply:
        said = _read(call, _NewAccount)
        world = self._director.world
        account = world.open_account(
            waba_id=said.waba_id,
            phone_number_id=said.phone_number_id,
            access_token=said.access_token,
            app_secret=said.app_secret,
            display_phone_number=said.display_phone_number,
        )
        if said.webhook is not None:
            world.wabas[account.waba_id].webhook = said.webhook
        return answered(account)

    def _template(self, id: str, word: str, call: Call) -> Reply:
        template = self._director.judge(id, word, _read(call, Verdict) if call.body else None)
        return answered({"id": template.id, "status": template.status, "category": template.draft.category})

    def _number(self, id: str, call: Call) -> Reply:
        line = self._director.number(id, _read(call, NumberChange))
        return answered({"id": line.id, "quality": line.standing.quality, "tier": line.standing.tier})

    def _notice(self, call: Call) -> Reply:
        said = _read(call, _Notice)
        self._director.notice(said.waba_id, said.field, said.value)
        return SUCCESS

    def _token(self, call: Call) -> Reply:
        said = _read(call, _Token)
        self._director.access(said.token, said.access)
        return SUCCESS

    def _clock(self, call: Call) -> Reply:
        clock = self._director.clock
        return answered({"now": clock(), "speed": clock.speed})

    def _turn(self, call: Call) -> Reply:
        said = _read(call, ClockTurn)
        self._director.clock.turn(advance=said.advance, speed=said.speed)
        return self._clock(call)


def _read(call: Call, kind: type[T]) -> T:
    """Raise msgspec.MsgspecError."""
    return msgspec.json.decode(call.body, type=kind)


def _wrong(status: int, message: str) -> Reply:
    return Reply(status, msgspec.json.encode({"error": message}))
