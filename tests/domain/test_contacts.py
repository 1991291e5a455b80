"""What is true of people, their wishes and the rows of their files."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.adapters.numbering import WorldNumbering
from tidings.domain.contacts.columns import MissingColumn, attribute_key, columns_of
from tidings.domain.contacts.consent import ConsentEntry, fold
from tidings.domain.contacts.people import Contact, Details, faults_of, folded, search_terms, tidied
from tidings.domain.contacts.rows import Entry, NotAPhoneNumber, Reader, UnknownCountry, masked, read_row
from tidings.domain.contacts.wishes import WORDS, Wish, confirmation, wish_in
from tidings.domain.errors import Invalid
from tidings.domain.kernel import ContactId, OrganizationId, PersonKey, Phone
from tidings.domain.templates.languages import LANGUAGES

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
parse = WorldNumbering().parse


def a_contact(**given: object) -> Contact:
    known: dict[str, object] = {
        "id": ContactId(UUID(int=1)),
        "organization_id": OrganizationId(UUID(int=2)),
        "phone": Phone("+447700900123"),
        "person": PersonKey("447700900123"),
        "country_code": "+44",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Contact(**known | given)  # type: ignore[arg-type]


wishes = st.lists(st.tuples(st.sampled_from(Wish), st.integers(0, 20)), max_size=8)


def heard(contact: Contact, said: list[tuple[Wish, int]]) -> Contact:
    for wish, minute in said:
        at = NOON + timedelta(minutes=minute)
        contact = (contact.opt_out if wish is Wish.STOP else contact.opt_in)(at, f"{wish} {minute}")
    return contact


@given(wishes, st.randoms())
def test_wishes_fold_the_same_in_whatever_order_they_are_heard(said, random):
    shuffled = random.sample(said, len(said))
    assert heard(a_contact(), said) == heard(a_contact(), shuffled)
    assert heard(a_contact(), said) == heard(a_contact(), said + said)


@given(wishes)
def test_the_latest_wish_counts_and_a_stop_wins_a_draw(said):
    out = max((minute for wish, minute in said if wish is Wish.STOP), default=-1)
    resumed = max((minute for wish, minute in said if wish is Wish.START), default=-2)
    contact = heard(a_contact(), said)
    assert contact.opted_out == (out >= max(resumed, 0))
    assert contact.blocked == ("opted_out" if contact.opted_out else None)


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("STOP", Wish.STOP),
        (" stop \n", Wish.STOP),
        ("Stop.", Wish.STOP),
        ("PARAR", Wish.STOP),
        ("إيقاف", Wish.STOP),
        ("הסר", Wish.STOP),
        ("Arrêt", Wish.STOP),
        ("ＳＴＯＰ", Wish.STOP),
        ("START", Wish.START),
        ("começar", Wish.START),
        ("please stop calling me", None),
        ("don't stop", None),
        ("", None),
        ("stop" * 100, None),
    ],
)
def test_a_wish_is_the_whole_message(text, wish):
    found = wish_in(text)
    assert (found and found.wish) is wish


def test_every_language_of_templates_has_its_words_and_no_word_means_both():
    assert {code.split("_")[0] for code in LANGUAGES} <= WORDS.keys()
    said = [(wish, word.casefold()) for words in WORDS.values() for wish in Wish for word in words[wish]]
    assert all(word.strip() == word != "" for _, word in said)
    stops = {word for wish, word in said if wish is Wish.STOP}
    assert stops.isdisjoint({word for wish, word in said if wish is Wish.START})
    for wish, word in said:
        heard = wish_in(word.upper())
        assert heard is not None
        assert heard.wish is wish
        assert confirmation(heard)


@given(st.text(max_size=70))
def test_no_text_crashes_the_listening(text):
    wish_in(text)


persons = st.sampled_from([PersonKey("1"), PersonKey("2")])
ledgers = st.lists(
    st.builds(
        ConsentEntry,
        id=st.uuids(),
        organization_id=st.just(OrganizationId(UUID(int=2))),
        person=persons,
        topic=st.sampled_from(["marketing", "news"]),
        wish=st.sampled_from(Wish),
        source=st.just("test"),
        at=st.integers(0, 9).map(lambda minute: NOON + timedelta(minutes=minute)),
        heard_at=st.just(NOON),
    ),
    max_size=10,
)


@given(ledgers, st.randoms(), st.integers(0, 10))
def test_standings_are_the_fold_of_the_ledger_in_any_order_and_in_any_parts(entries, random, cut):
    whole = fold([], entries)
    shuffled = random.sample(entries, len(entries))
    parts = fold(fold([], shuffled[:cut]).values(), shuffled[cut:])
    assert parts == whole
    for (person, topic), standing in whole.items():
        said = [e for e in entries if (e.person, e.topic) == (person, topic)]
        last = max(said, key=lambda e: (e.at, e.wish is Wish.STOP))
        assert standing.opted_out is (last.wish is Wish.STOP)


@pytest.mark.parametrize(
    ("text", "country", "phone"),
    [
        ("07700 900123", "+44", "+447700900123"),
        ("07700 900123", "GB", "+447700900123"),
        ("447700900123", "44", "+447700900123"),
        ("0044 7700 900123", "+1", "+447700900123"),
        ("+44 (0)7700 900123", "+1", "+447700900123"),
        ("tel:+44-7700-900123", "+1", "+447700900123"),
        ("whatsapp:+447700900123", "+1", "+447700900123"),
        ("\u202a+44 7700 900123\u202c", "+1", "+447700900123"),
        ("447700900123.0", "+44", "+447700900123"),
        ("'+447700900123", "+1", "+447700900123"),
        ("+521 55 1234 5678", "+1", "+525512345678"),
        ("044 55 1234 5678", "MX", "+525512345678"),
        ("011 15 2345-6789", "AR", "+5491123456789"),
        ("٠١٠٠ ١٢٣ ٤٥٦٧", "EG", "+201001234567"),
        ("(11) 98765-4321", "BR", "+5511987654321"),
        ("5551234567", "+1", "+15551234567"),
        ("1234567890", "+1", "+11234567890"),
        ("268 460 1234", "+1-268", "+12684601234"),
    ],
)
def test_every_spelling_becomes_one_number(text, country, phone):
    assert parse(text, country).phone == phone


@pytest.mark.parametrize(
    ("text", "country", "rule"),
    [
        ("", "+44", "phone"),
        ("12", "+44", "too_short"),
        ("+44 7700", "+44", "too_short"),
        ("+44 7700 900123 900123", "+44", "too_long"),
        ("4.47701E+11", "+44", "scientific"),
        ("+999 123 4567", "+44", "country"),
        ("call me", "+44", "phone"),
        ("1 800 FLOWERS", "+1", "phone"),
        ("0612345678", "Atlantis", "country_code"),
        ("0612345678", "+999", "country_code"),
    ],
)
def test_what_is_no_number_says_which_rule_it_broke(text, country, rule):
    with pytest.raises((NotAPhoneNumber, UnknownCountry)) as refused:
        parse(text, country)
    assert [fault.rule for fault in refused.value.faults] == [rule]


@given(st.text(max_size=40), st.text(max_size=6))
def test_no_text_crashes_the_numbering(text, country):
    with suppress(NotAPhoneNumber, UnknownCountry):
        number = parse(text, country)
        assert number.phone.startswith(number.country_code)
        assert number.phone[1:].isdecimal()
        assert number.phone.isascii()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("+5511987654321", "+551187654321", True),
        ("+5215512345678", "+525512345678", True),
        ("+5491123456789", "+541123456789", True),
        # a landline in São Paulo, and the mobile that has a 9 before the same digits
        ("+551123456789", "+5511923456789", False),
        ("+447700900123", "+447700900124", False),
    ],
)
def test_national_variants_are_one_person_and_landlines_stay_themselves(one, other, same):
    assert (parse(one, "").person == parse(other, "").person) is same


@given(st.builds(Details, first_name=st.text(), email=st.text(), notes=st.text()))
def test_tidying_twice_is_tidying_once(details):
    assert tidied(tidied(details)) == tidied(details)


def test_everything_that_is_wrong_is_said_at_once():
    details = Details(first_name="x" * 101, email="nowhere", attributes={"": "", "city": "x" * 1001})
    assert {(fault.field, fault.rule) for fault in faults_of(details)} == {
        ("firstName", "max_length"),
        ("email", "email"),
        ("attributes.", "name"),
        ("attributes.city", "max_length"),
    }


def test_search_compares_without_case_and_accents():
    assert folded("ÇİĞDEM Łódź Straße") == folded("çi̇ğdem lodz strasse")
    assert search_terms("  João   SILVA ") == ("joao", "silva")
    assert search_terms("020 7946-0958") == ("2079460958",)
    assert search_terms("") == ()


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("Phone Number", "phone"),
        ("Teléfono", "phone"),
        ("CELULAR", "phone"),
        ("رقم الهاتف", "phone"),
        ("טלפון", "phone"),
        ("first_name", "firstName"),
        ("Prénom", "firstName"),
        ("E-mail", "email"),
        ("Full name", "name"),
        ("Opted Out", "optedOut"),
        ("Loyalty level", "attributes.loyaltyLevel"),
        ("", None),
    ],
)
def test_columns_are_known_by_their_headers(header, target):
    columns = columns_of([header, "mobile"] if target != "phone" else [header])
    assert columns.shown[header] == target


def test_a_file_without_numbers_is_refused_by_the_name_of_the_column():
    with pytest.raises(MissingColumn) as refused:
        columns_of(["name", "town"])
    assert [(fault.field, fault.rule) for fault in refused.value.faults] == [("phone", "required_column")]
    assert "name, town" in refused.value.faults[0].message
    assert "phone" in str(refused.value)


def test_a_mapping_overrules_the_guess_and_must_fit_the_file():
    columns = columns_of(["a", "phone", "b"], {"a": "phone", "phone": None, "b": "attributes.size"})
    assert columns.shown == {"a": "phone", "phone": None, "b": "attributes.size"}
    with pytest.raises(Invalid) as refused:
        columns_of(["a", "phone"], {"x": "phone", "a": "shoeSize"})
    assert {(f.field, f.rule) for f in refused.value.faults} == {
        ("mapping.x", "column"),
        ("mapping.a", "field"),
    }


def test_attributes_are_named_as_templates_name_them():
    assert attribute_key("Loyalty level!") == "loyaltyLevel"
    assert attribute_key("x" * 99) == "x" * 64


def reader(columns, **definitions):
    return Reader(columns=columns, country="+44", definitions=definitions, parse=parse)


def test_a_row_says_everything_that_is_wrong_and_shows_values_only_in_part():
    columns = columns_of(["phone", "email", "optedOut", "firstName"])
    found = read_row(7, ["12", "nowhere", "maybe", "x" * 101], reader(columns))
    assert isinstance(found, list)
    assert {(error.row, error.field, error.rule) for error in found} == {
        (7, "phone", "too_short"),
        (7, "email", "email"),
        (7, "optedOut", "yes_no"),
        (7, "firstName", "max_length"),
    }
    assert "nowhere" not in {error.value for error in found}


def test_more_cells_than_columns_are_not_swallowed():
    columns = columns_of(["phone", "company"])
    found = read_row(2, ["+447700900123", "Garcia", "Sons"], reader(columns))
    assert isinstance(found, list)
    assert [error.rule for error in found] == ["columns"]
    assert isinstance(read_row(2, ["+447700900123", "Garcia", ""], reader(columns)), Entry)


def test_a_full_name_is_split_at_its_first_space():
    columns = columns_of(["phone", "name"])
    found = read_row(2, ["+447700900123", "Maria da Silva"], reader(columns))
    assert isinstance(found, Entry)
    assert (found.details.first_name, found.details.last_name) == ("Maria", "da Silva")


@given(st.text(max_size=60))
def test_a_masked_value_shows_four_characters_at_most(value):
    assert len(masked(value).replace("•", "")) <= 4 or "•" in value
