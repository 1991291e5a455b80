"""Phone numbers made canonical with the `phonenumbers` metadata."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_geographical_number

from tidings.domain.contacts.rows import NotAPhoneNumber, Number, UnknownCountry
from tidings.domain.errors import Fault
from tidings.domain.kernel import Phone, person_key

_SCHEME = re.compile(r"^\s*(?:tel|whatsapp|sms|callto)\s*:\s*", re.IGNORECASE)
_EXCEL_FLOAT = re.compile(r"(\d{6,15})[.,]0+")
_SCIENTIFIC = re.compile(r"\d[.,]?\d*[eE]\+?\d+")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\u00ad'`]")
_MEXICAN_PREFIX = re.compile(r"(?:1|01|44|45)(\d{10})")
"""What stood before mobiles until 2019; people, and Meta, still write it."""
_CODE = re.compile(r"(?:\+|00)?0*([1-9]\d{0,3})")


@dataclass(frozen=True, slots=True)
class WorldNumbering:
    """The Numbering port. Numbers of a possible length count: ranges open faster than metadata is updated."""

    def parse(self, text: str, country: str) -> Number:
        if _CANONICAL.fullmatch(text) and (known := _as_it_stands(text)):
            return known
        shown = _INVISIBLE.sub("", _SCHEME.sub("", text)).strip()
        if whole := _EXCEL_FLOAT.fullmatch(shown):
            shown = whole[1]
        if _SCIENTIFIC.fullmatch(shown):
            raise _refused("scientific", "a spreadsheet has rounded this number; format the column as text")
        if any(char.isalpha() for char in shown):
            raise _refused("phone", "must be a phone number: digits, spaces and + ( ) - . only")
        international = shown.startswith(("+", "＋", "00"))
        region = None if international and shown.startswith(("+", "＋")) else _region(country)
        try:
            found = phonenumbers.parse(f"+{shown[2:]}" if shown.startswith("00") else shown, region)
        except NumberParseException as error:
            raise _refused(*_EXPLAINED.get(error.error_type, _UNCLEAR)) from error
        return _number(_possible(found, shown, international=international))

    def calling_code(self, country: str) -> str:
        return f"+{phonenumbers.country_code_for_region(_region(country))}"


@dataclass(frozen=True, slots=True)
class WorldZones:
    """The Zones port: what the first digits of a number tell."""

    def of(self, phone: Phone) -> tuple[str, ...]:
        return _zones(phone)


def country_of(phone: Phone) -> str:
    """The main country of a number's calling code, as prices are told by it; empty when there is none."""
    main = _main_countries()
    for end in (2, 3, 4):
        if (country := main.get(phone[1:end])) is not None:
            return country
    return ""


@cache
def _main_countries() -> dict[str, str]:
    """By calling code; empty for those of no country."""
    known = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return {str(code): "" if regions[0] == "001" else regions[0] for code, regions in known.items()}


@lru_cache(maxsize=50_000)
def _zones(phone: Phone) -> tuple[str, ...]:
    digits = phone.removeprefix("+")
    if not digits.isdecimal():
        return ("UTC",)
    try:
        found = time_zones_for_geographical_number(phonenumbers.parse(phone))
    except NumberParseException:
        return ("UTC",)
    # Zones whose clocks show the same are one; the islands come before the country in the metadata.
    known = {_offsets(zone): zone for zone in found if zone != UNKNOWN_TIMEZONE}
    return tuple(known.values()) or ("UTC",)


@cache
def _offsets(zone: str) -> tuple[timedelta | None, ...]:
    where = ZoneInfo(zone)
    return tuple(datetime(2026, month, 1, tzinfo=where).utcoffset() for month in range(1, 13))


_UNCLEAR = ("phone", "must be a phone number, such as +44 7700 900123")
_EXPLAINED = {
    NumberParseException.INVALID_COUNTRY_CODE: ("country", "begins with a country code that does not exist"),
    NumberParseException.TOO_SHORT_AFTER_IDD: ("too_short", "is too short to be a phone number"),
    NumberParseException.TOO_SHORT_NSN: ("too_short", "is too short to be a phone number"),
    NumberParseException.TOO_LONG: ("too_long", "is too long to be a phone number"),
}


def _possible(found: PhoneNumber, shown: str, *, international: bool) -> PhoneNumber:
    reason = phonenumbers.is_possible_number_with_reason(found)
    if reason == ValidationResult.IS_POSSIBLE:
        return found
    if found.country_code == 52 and (mobile := _MEXICAN_PREFIX.fullmatch(str(found.national_number))):
        return PhoneNumber(country_code=52, national_number=int(mobile[1]))
    if not international:
        # What looked like a trunk prefix may have been part of the number.
        digits = "".join(str(int(char)) for char in shown if char.isdigit())
        whole = PhoneNumber(country_code=found.country_code, national_number=int(digits or 0))
        if phonenumbers.is_possible_number(whole):
            return whole
    if reason == ValidationResult.TOO_LONG:
        raise _refused("too_long", f"has too many digits for a number of +{found.country_code}")
    raise _refused("too_short", f"has too few digits for a number of +{found.country_code}")


def _number(found: PhoneNumber) -> Number:
    phone = phonenumbers.format_number(found, PhoneNumberFormat.E164)
    return Number(phone=Phone(phone), country_code=f"+{found.country_code}", person=person_key(Phone(phone)))


_CANONICAL = re.compile(r"\+[1-9][0-9]{7,14}")


def _as_it_stands(text: str) -> Number | None:
    """A number in E.164 that needs no parsing, which takes five times as long; None when in doubt."""
    for digits in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(text[1 : digits + 1]))
        if regions is not None:
            prefix, lengths = _plan(regions[0])
            national = text[digits + 1 :]
            if prefix.match(national) or len(national) not in lengths:
                return None
            phone = Phone(text)
            return Number(phone=phone, country_code=text[: digits + 1], person=person_key(phone))
    return None


@lru_cache(maxsize=512)
def _plan(region: str) -> tuple[re.Pattern[str], frozenset[int]]:
    """What a national number may begin with that is not part of it, and how long numbers are."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.general_desc is None:
        return re.compile(""), frozenset()
    prefix = metadata.national_prefix_for_parsing or metadata.national_prefix
    lengths = frozenset(metadata.general_desc.possible_length or ())
    return re.compile(f"0|{prefix}" if prefix else "0"), lengths


@lru_cache(maxsize=512)
def _region(country: str) -> str:
    """The main region of a calling code, or a region by its own two letters. Raise UnknownCountry."""
    shown = _INVISIBLE.sub("", country).strip().upper()
    if shown in phonenumbers.SUPPORTED_REGIONS:
        return shown
    if code := _CODE.fullmatch(shown.replace("-", "").replace(" ", "")):
        digits = code[1][:1] if code[1].startswith("1") else code[1]  # +1-268 is within +1
        region = phonenumbers.region_code_for_country_code(int(digits))
        if region not in ("ZZ", "001"):
            return region
    message = "must be a calling code such as +44, or a country such as GB"
    raise UnknownCountry("", Fault(field="countryCode", rule="country_code", message=message))


def _refused(rule: str, message: str) -> NotAPhoneNumber:
    return NotAPhoneNumber("", Fault(field="phone", rule=rule, message=message))
