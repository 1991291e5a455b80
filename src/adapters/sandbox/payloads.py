"""What webhooks say, in Meta's JSON with everything but ASCII escaped (fact sheet 5.4 to 5.8)."""

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tidings.adapters.sandbox.accounts import Line, Waba
from tidings.adapters.sandbox.errors import title
from tidings.adapters.sandbox.ledger import Step
from tidings.adapters.sandbox.people import Person
from tidings.adapters.sandbox.prices import Price

_ERRORS = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


class Item(NamedTuple):
    """One thing to tell, ready for a webhook."""

    waba: Waba
    line: Line | None
    """Of notices about the account there is none."""
    kind: str
    """`statuses`, `messages`, `user_preferences`, or a notice's field."""
    body: str
    contact: str | None = None
    n: int = 0
    """The message whose status it is."""
    step: int = 0
    at: int = 0


def ascii(value: object) -> str:
    """JSON as Meta writes it: what is not ASCII is escaped."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


class Said(NamedTuple):
    """A status to be told."""

    wamid: str
    callback: str | None
    step: Step
    at: int
    pricing: str = ""
    error: int = 0
    details: str = ""


def status(said: Said, person: Person) -> str:
    callback = f',"biz_opaque_callback_data":{ascii(said.callback)}' if said.callback is not None else ""
    known = f'"recipient_id":"{person.shown}",' if person.shown else ""
    error = f',"errors":[{_error(said.error, said.details)}]' if said.error else ""
    return (
        f'{{"id":"{said.wamid}","status":"{said.step.word}","timestamp":"{said.at}",{known}'
        f'"recipient_user_id":"{person.user_id}"{callback}{said.pricing}{error}}}'
    )


def _error(code: int, details: str) -> str:
    words = title(code)
    data = {"details": details}
    return ascii({"code": code, "title": words, "message": words, "error_data": data, "href": _ERRORS})


def pricing(price: Price) -> str:
    billable = "false" if price.free else "true"
    return (
        f',"pricing":{{"billable":{billable},"pricing_model":"PMP",'
        f'"type":"{price.kind}","category":"{price.category}"}}'
    )


def conversation(id: str, price: Price, *, sent: bool) -> str:
    """The conversation that older webhooks name with every message, and newer ones with free entry points."""
    ends = f',"expiration_timestamp":"{int(price.ends)}"' if sent and price.ends else ""
    origin = price.category.replace("-", "_")
    return f',"conversation":{{"id":"{id}"{ends},"origin":{{"type":"{origin}"}}}}'


def contact(person: Person) -> str:
    known = f'"wa_id":"{person.shown}",' if person.shown else ""
    return f'{{"profile":{{"name":{ascii(person.name)}}},{known}"user_id":"{person.user_id}"}}'


def body_of(items: Iterable[Item]) -> bytes:
    """One webhook that tells all of this."""
    entries = [_entry(waba, parts) for waba, parts in _by_account(items)]
    return f'{{"object":"whatsapp_business_account","entry":[{",".join(entries)}]}}'.encode("ascii")


def _by_account(items: Iterable[Item]) -> Iterator[tuple[Waba, list[Item]]]:
    """The items of each account; each notice stands alone, for its entry has a time."""
    groups: dict[str, tuple[Waba, list[Item]]] = {}
    for item in items:
        if item.line is None:
            yield item.waba, [item]
        else:
            groups.setdefault(item.waba.id, (item.waba, []))[1].append(item)
    yield from groups.values()


def _entry(waba: Waba, items: list[Item]) -> str:
    if items[0].line is None:
        notice = items[0]
        change = f'{{"value":{notice.body},"field":"{notice.kind}"}}'
        return f'{{"id":"{waba.id}","time":{notice.at},"changes":[{change}]}}'
    changes: dict[tuple[str, str], tuple[Line, str, list[Item]]] = {}
    for item in items:
        if item.line is not None:
            changes.setdefault((item.line.id, item.kind), (item.line, item.kind, []))[2].append(item)
    return f'{{"id":"{waba.id}","changes":[{",".join(_change(*change) for change in changes.values())}]}}'


def _change(line: Line, kind: str, items: list[Item]) -> str:
    contacts = ",".join(dict.fromkeys(item.contact for item in items if item.contact))
    said = f'"contacts":[{contacts}],' if contacts else ""
    field = "messages" if kind == "statuses" else kind
    return (
        f'{{"value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"{line.digits}",'
        f'"phone_number_id":"{line.id}"}},{said}"{kind}":[{",".join(item.body for item in items)}]}},'
        f'"field":"{field}"}}'
    )
