"""What people say of a contact, checked whole: everything that is wrong comes in one refusal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict, replace

from tidings.application.ports.contacts import Numbering, Work
from tidings.domain.contacts.attributes import Attribute, conformed, defined
from tidings.domain.contacts.identities import bsuid_fault
from tidings.domain.contacts.people import (
    Contact,
    Details,
    InvalidContact,
    PhoneTaken,
    faults_of,
    tidied,
    tidy_text,
)
from tidings.domain.errors import Fault, Invalid, Refused
from tidings.domain.kernel import OrganizationId, PersonKey

DEFAULT_COUNTRY = "+1"
MAX_USERNAME = 100


class Told(Protocol):
    """What a NewContact and a ContactChange have in common; UNSET is what is not mentioned."""

    @property
    def phone(self) -> str | UnsetType | None: ...
    @property
    def country_code(self) -> str | UnsetType | None: ...
    @property
    def bsuid(self) -> str | UnsetType | None: ...
    @property
    def username(self) -> str | UnsetType | None: ...


@dataclass(frozen=True, slots=True)
class Check:
    """One check against what the organisation has."""

    work: Work
    numbering: Numbering
    organization: OrganizationId
    at: datetime

    async def fields(self, told: Told, known: Contact | None = None) -> dict[str, Any]:
        """The fields of the contact in good order: what is told over what is known; null empties.

        Attributes that are used for the first time are defined as text. Raise InvalidContact with everything
        that is wrong, or PhoneTaken.
        """
        (found,) = await self.all([told], known)
        if isinstance(found, Refused):
            raise found
        return found

    async def all(self, told: Sequence[Told], known: Contact | None = None) -> list[dict[str, Any] | Refused]:
        """The fields of each, or why it is refused; who has the number of an earlier one is."""
        details = [_details(each, known) for each in told]
        definitions = await self.work.attributes.all() if any(each.attributes for each in details) else {}
        found: list[dict[str, Any] | Refused] = []
        for each, detail in zip(told, details, strict=True):
            try:
                found.append(self._sound(each, detail, known, definitions))
            except InvalidContact as refused:
                found.append(refused)
        wanted = [_people(each) for each in found if not isinstance(each, Refused)]
        owners = await self.work.contacts.of_people({person for each in wanted for person in each})
        mine = known.id if known else None
        taken = {person for person, owner in owners.items() if owner.id != mine}
        for place, each in enumerate(found):
            if isinstance(each, Refused):
                continue
            people = _people(each)
            faults = [
                Fault(field=field, rule="unique", message="another contact has it")
                for person, field in people.items()
                if person in taken
            ]
            if faults:
                found[place] = PhoneTaken("", *faults)
            else:
                taken |= people.keys()
        used = {
            key: value
            for each in found
            if isinstance(each, dict)
            for key, value in each["attributes"].items()
        }
        await self.work.attributes.define(defined(self.organization, used, definitions, self.at))
        return found

    def _sound(
        self, told: Told, details: Details, known: Contact | None, definitions: dict[str, Attribute]
    ) -> dict[str, Any]:
        """Raise InvalidContact."""
        faults: list[Fault] = []
        identity = self._identity(told, known, faults)
        tidy = tidied(details)
        values, unfit = conformed(definitions, tidy.attributes)
        tidy = replace(tidy, attributes=values)
        faults += [*faults_of(tidy), *unfit]
        if faults:
            raise InvalidContact("", *faults)
        return {**asdict(tidy), **identity}

    def _identity(self, told: Told, known: Contact | None, faults: list[Fault]) -> dict[str, Any]:
        bsuid = _said(told.bsuid, known.bsuid if known else "")
        username = tidy_text(_said(told.username, known.username if known else "")).removeprefix("@")
        if bsuid and (fault := bsuid_fault(bsuid)):
            faults.append(fault)
        if len(username) > MAX_USERNAME:
            message = f"must have at most {MAX_USERNAME} characters"
            faults.append(Fault(field="username", rule="max_length", message=message))
        ids: dict[str, Any] = {"bsuid": bsuid, "username": username}
        phone = _said(told.phone, known.phone if known else None)
        if not phone.strip() and bsuid:
            return {**ids, "phone": None, "person": PersonKey(bsuid), "country_code": ""}
        country = _said(told.country_code, known.country_code if known else None) or DEFAULT_COUNTRY
        try:
            number = self.numbering.parse(phone, country)
        except Invalid as error:
            faults += error.faults
            return ids
        return {
            **ids,
            "phone": number.phone,
            "person": number.person,
            "country_code": number.country_code,
        }


def _people(fields: Mapping[str, Any]) -> dict[PersonKey, str]:
    """Whom these fields say that they are, with the field that says so."""
    people = {fields["person"]: "phone" if fields["phone"] else "bsuid"}
    if fields["bsuid"]:
        people.setdefault(PersonKey(fields["bsuid"]), "bsuid")
    return people


def _said(told: str | UnsetType | None, known: str | None) -> str:
    return (known if told is UNSET else told) or ""


def _details(told: object, known: Details | None) -> Details:
    values: dict[str, Any] = asdict(known) if known is not None else {}
    for name in Details.__struct_fields__:
        if (value := getattr(told, name)) is not UNSET:
            values[name] = value or ({} if name == "attributes" else "")
    return Details(**{name: values[name] for name in Details.__struct_fields__})
