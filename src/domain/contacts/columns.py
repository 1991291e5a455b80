"""Which column of a file holds what: guessed from its header in many languages, or told."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from tidings.domain.contacts.people import (
    LIMITS,
    MAX_ATTRIBUTE_KEY,
    camel,
    folded,
    is_attribute_key,
    is_word,
    tidy_text,
)
from tidings.domain.errors import Fault, Invalid


class MissingColumn(Invalid):
    """The file lacks a column that is needed."""


PHONE, COUNTRY, NAME, OPTED_OUT, FAVORITE, GROUPS = (
    "phone",
    "country_code",
    "name",
    "opted_out",
    "is_favorite",
    "groups",
)
ATTRIBUTE = "attributes."
TARGETS = {camel(name): name for name in (PHONE, COUNTRY, NAME, OPTED_OUT, FAVORITE, *LIMITS)}

_SPELLINGS: Mapping[str, str] = {
    PHONE: """phone phonenumber phoneno phonee164 mobile mobilephone mobilenumber cell cellphone
        cellular tel telephone telefon telefono telefone telefoonnummer telefonnummer
        handy handynummer mobil mobilnummer movil celular gsm portable numero
        numerodetelephone numerodetelefono whatsapp whatsappnumber msisdn number
        contactnumber waid телефон τηλεφωνο هاتف الهاتف رقمالهاتف جوال טלפון נייד फोन
        मोबाइल 电话 手机 電話番号 전화번호""",
    COUNTRY: """countrycode country dialcode dialingcode callingcode phonecode prefix areacode paisddi
        ddi codigopais codigodopais codepays landesvorwahl vorwahl landvorwahl prefisso
        pais pays land paese""",
    "first_name": """firstname first givenname forename prenom nombre nome nomedebatismo primeironome
        primernombre vorname voornaam fornamn imie имя الاسمالاول الاسم שםפרטי""",
    "last_name": """lastname last surname familyname nomdefamille apellido apellidos sobrenome nachname
        familienname cognome achternaam efternamn nazwisko фамилия اسمالعائلة اللقب
        שםמשפחה""",
    NAME: """name fullname displayname contactname nomcomplet nombrecompleto nomecompleto vollername""",
    "email": """email emailaddress mail correo correoelectronico courriel adressemail epost почта""",
    "company": """company companyname organization organisation business empresa firma entreprise societe
        azienda bedrijf""",
    "job_title": "jobtitle job title position role cargo puesto poste beruf",
    "notes": """notes note comment comments remark remarks nota notas observacoes bemerkung""",
    OPTED_OUT: """optedout optout optoutstatus unsubscribed donotcontact dnc stopped baja descadastrado
        abgemeldet desabonne""",
    FAVORITE: "isfavorite favorite favourite starred favorito",
    GROUPS: "groups",
}


def _plain(name: str) -> str:
    return "".join(char for char in folded(name) if char.isalnum())


_GUESSES = {_plain(spelling): target for target, words in _SPELLINGS.items() for spelling in words.split()}


class Columns(Struct, frozen=True, kw_only=True):
    """What each column of a file holds, by its place; None is a column that is not read."""

    header: tuple[str, ...]
    targets: tuple[str | None, ...]

    @property
    def shown(self) -> dict[str, str | None]:
        """Header to field, in the words of the wire."""
        return {
            name: target if target is None or target.startswith(ATTRIBUTE) else camel(target)
            for name, target in zip(self.header, self.targets, strict=True)
        }

    @property
    def attributes(self) -> list[str]:
        """The attributes that have a column."""
        return [t.removeprefix(ATTRIBUTE) for t in self.targets if t is not None and t.startswith(ATTRIBUTE)]


def columns_of(
    header: Sequence[str], mapping: Mapping[str, str | None] | None = None, *, needed: bool = True
) -> Columns:
    """Which column holds what: as `mapping` says, and where it says nothing by the header's words.

    Headers that mean nothing to us become attributes. Raise MissingColumn or Invalid.
    """
    names = tuple(tidy_text(name) for name in header)
    wanted = _targets_of(mapping or {}, names)
    targets: list[str | None] = []
    for name in names:
        target = wanted[name] if name in wanted else _guess(name)
        targets.append(None if target in targets else target)
    if needed and PHONE not in targets:
        found = ", ".join(name for name in names if name)[:300] or "nothing"
        message = f"the file has no column for the phone number; it has: {found}. Name one `phone`, or map it"
        raise MissingColumn(
            f"Column `phone` is missing: {message}.",
            Fault(field="phone", rule="required_column", message=message),
        )
    return Columns(header=names, targets=tuple(targets))


def mapping_of(text: str) -> dict[str, str | None]:
    """A mapping as a form carries it: JSON of header to field. Raise Invalid."""
    if not text.strip():
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, str | None])
    except msgspec.DecodeError as error:
        message = "must be JSON: headers, and the field that each holds"
        raise Invalid("", Fault(field="mapping", rule="json", message=message)) from error


def _guess(name: str) -> str | None:
    plain = _plain(name)
    if not plain:
        return None
    target = _GUESSES.get(plain) or ATTRIBUTE + attribute_key(name)
    return None if target == GROUPS else target


def attribute_key(name: str) -> str:
    """`Loyalty Level` as templates name it: `loyaltyLevel`."""
    words = "".join(char if is_word(char) and char != "_" else " " for char in name).split()
    key = "".join([words[0][:1].lower() + words[0][1:], *(word[:1].upper() + word[1:] for word in words[1:])])
    return key[:MAX_ATTRIBUTE_KEY]


def _targets_of(mapping: Mapping[str, str | None], names: Sequence[str]) -> dict[str, str | None]:
    faults: list[Fault] = []
    wanted: dict[str, str | None] = {}
    for column, target in mapping.items():
        name = tidy_text(column)
        if name not in names:
            message = f"the file has no column `{name}`"
            faults.append(Fault(field=f"mapping.{name}", rule="column", message=message))
        elif target is None or target == "":
            wanted[name] = None
        elif target in TARGETS:
            wanted[name] = TARGETS[target]
        elif target.startswith(ATTRIBUTE) and is_attribute_key(target.removeprefix(ATTRIBUTE)):
            wanted[name] = target
        else:
            message = f"must be one of {', '.join(TARGETS)}, or `attributes.` and a name"
            faults.append(Fault(field=f"mapping.{name}", rule="field", message=message))
    if faults:
        raise Invalid("The mapping of columns does not fit the file.", *faults)
    return wanted
