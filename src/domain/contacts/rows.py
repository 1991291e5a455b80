"""How a row of a file becomes a contact, and what is said of a row that cannot."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from tidings.domain.contacts.attributes import NO, YES, Attribute, conformed
from tidings.domain.contacts.columns import (
    ATTRIBUTE,
    COUNTRY,
    FAVORITE,
    NAME,
    OPTED_OUT,
    PHONE,
    TARGETS,
    Columns,
)
from tidings.domain.contacts.people import (
    LIMITS,
    Details,
    camel,
    faults_of,
    folded,
    tidied,
    tidy_text,
)
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import PersonKey, Phone


class NotAPhoneNumber(Invalid):
    """This is not a phone number."""


class UnknownCountry(Invalid):
    """No numbering plan has this country code."""


class UnreadableFile(Invalid):
    """The file cannot be read as a table of contacts."""


class Number(Struct, frozen=True, kw_only=True):
    """A phone number, canonical, with its calling code (`+44`)."""

    phone: Phone
    country_code: str
    person: PersonKey


_OUT = YES | {"optedout", "opted out", "unsubscribed", "stop"}
_IN = NO | {"", "optedin", "opted in", "subscribed"}


class Entry(Struct, frozen=True, kw_only=True):
    """A row that makes sense: a number, and what the file says of its person."""

    row: int
    number: Number
    details: Details
    is_favorite: bool = False
    opted_out: bool = False


class RowError(Struct, frozen=True, kw_only=True, rename="camel"):
    """Why a row was left out. The value is shown only in part, since errors travel."""

    row: int
    field: str
    rule: str
    message: str
    value: str = ""


def masked(value: str) -> str:
    """Enough to recognise a value by, and not enough to use it."""
    shown = tidy_text(value)
    if len(shown) <= 4:
        return "•" * len(shown)
    return f"{shown[:2]}{'•' * min(len(shown) - 4, 12)}{shown[-2:]}"


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def neutral(value: str) -> str:
    """A cell that no spreadsheet takes for a formula; `plain` takes it back."""
    return f"'{value}" if value.startswith(_FORMULA) or value.startswith("'") else value


def plain(value: str) -> str:
    """A cell as it was before `neutral`."""
    return value[1:] if value.startswith("'") and value[1:].startswith((*_FORMULA, "'")) else value


ParseNumber = Callable[[str, str], Number]
"""The text and the country where it has none; raises NotAPhoneNumber or UnknownCountry."""


class Reader(Struct, frozen=True, kw_only=True):
    """How rows are understood."""

    columns: Columns
    country: str
    """Where numbers belong whose row names no country."""
    definitions: dict[str, Attribute]
    parse: ParseNumber


def read_row(row: int, cells: Sequence[str], reader: Reader) -> Entry | list[RowError]:
    """The row as an entry, or everything that is wrong with it."""
    columns = reader.columns
    said: dict[str, str] = {}
    attributes: dict[str, str] = {}
    for target, cell in zip(columns.targets, cells, strict=False):
        if target is None or not cell:
            continue
        if target.startswith(ATTRIBUTE):
            if value := tidy_text(plain(cell)):
                attributes[target.removeprefix(ATTRIBUTE)] = value
        else:
            said[target] = plain(cell)
    faults: list[Fault] = []
    number = _number(said, reader.country, reader.parse, faults)
    opted_out = _yes(said, OPTED_OUT, faults)
    favorite = _yes(said, FAVORITE, faults)
    values, unfit = conformed(reader.definitions, attributes)
    details = tidied(_details(said, values))
    faults += [*faults_of(details), *unfit]
    if len(cells) > len(columns.targets) and any(cell.strip() for cell in cells[len(columns.targets) :]):
        message = (
            f"has {len(cells)} cells and the header {len(columns.targets)}; quote what holds the delimiter"
        )
        faults.append(Fault(field="row", rule="columns", message=message))
    if faults or number is None:
        return [_row_error(row, fault, said, attributes) for fault in faults]
    return Entry(row=row, number=number, details=details, is_favorite=favorite, opted_out=opted_out)


def _number(said: Mapping[str, str], country: str, parse: ParseNumber, faults: list[Fault]) -> Number | None:
    text = said.get(PHONE, "").strip()
    if not text:
        faults.append(Fault(field=PHONE, rule="required", message="must not be empty"))
        return None
    try:
        return parse(text, said.get(COUNTRY, "").strip() or country)
    except (NotAPhoneNumber, UnknownCountry) as error:
        faults.extend(error.faults)
        return None


def _yes(said: Mapping[str, str], name: str, faults: list[Fault]) -> bool:
    word = folded(said.get(name, "")).strip()
    if word not in _OUT and word not in _IN:
        faults.append(Fault(field=camel(name), rule="yes_no", message="must be yes or no, or empty"))
    return word in _OUT


def _details(said: Mapping[str, str], attributes: dict[str, str]) -> Details:
    texts = {name: said[name] for name in LIMITS if name in said}
    if NAME in said and "first_name" not in texts and "last_name" not in texts:
        first, _, rest = tidy_text(said[NAME]).partition(" ")
        texts |= {"first_name": first, "last_name": rest}
    return Details(**texts, attributes=attributes)


def _row_error(row: int, fault: Fault, said: Mapping[str, str], attributes: Mapping[str, str]) -> RowError:
    name = TARGETS.get(fault.field, fault.field)
    value = said.get(name) or attributes.get(fault.field.removeprefix(ATTRIBUTE), "")
    return RowError(row=row, field=fault.field, rule=fault.rule, message=fault.message, value=masked(value))
