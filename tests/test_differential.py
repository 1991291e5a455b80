"""What others' libraries do too, we do alike: phone numbers, tables of text, signatures, tokens."""

import csv
import io
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import phonenumbers
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from joserfc import jwk
from joserfc import jwt as jose
from phonenumbers import MatchType, PhoneNumberFormat, PhoneNumberType

from tidings.adapters.meta.webhooks import MetaWebhookReader
from tidings.adapters.numbering import WorldNumbering
from tidings.adapters.security import JwtTokens
from tidings.adapters.sheets.files import FileSheets
from tidings.application.ports.meta import BadSignature
from tidings.domain.kernel import Actor, OrganizationId, Role, UserId
from tidings.domain.users import SessionId
from tidings.testing.strategies import phones

many = settings(max_examples=200, deadline=None)
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
FORMATS = (
    PhoneNumberFormat.E164,
    PhoneNumberFormat.INTERNATIONAL,
    PhoneNumberFormat.NATIONAL,
    PhoneNumberFormat.RFC3966,
)
KINDS = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.TOLL_FREE)
NUMBERING = WorldNumbering()


# Phone numbers, beside Google's own library.


@pytest.mark.parametrize("region", REGIONS)
def test_a_number_of_every_country_is_the_same_however_it_is_written(region):
    code = f"+{phonenumbers.country_code_for_region(region)}"
    for number in filter(None, (phonenumbers.example_number_for_type(region, kind) for kind in KINDS)):
        wanted = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        for form in FORMATS:
            written = phonenumbers.format_number(number, form)
            found = NUMBERING.parse(written, region if form is PhoneNumberFormat.NATIONAL else code)
            assert (found.phone, found.country_code) == (wanted, code), written


@many
@given(phones(), phones(), st.sampled_from(FORMATS), st.booleans())
def test_two_numbers_are_one_person_where_google_says_that_they_match(one, other, form, same):
    other = one if same else other
    written = phonenumbers.format_number(phonenumbers.parse(other), form)
    found = NUMBERING.parse(written, f"+{phonenumbers.parse(other).country_code}")
    if phonenumbers.is_number_match(one, found.phone) is MatchType.EXACT_MATCH:
        assert found.person == NUMBERING.parse(one, "+44").person


@st.composite
def scribbled(draw):
    """A number of some country as somebody might write it, and where they live."""
    region = draw(st.sampled_from(REGIONS))
    number = phonenumbers.example_number_for_type(region, draw(st.sampled_from(KINDS)))
    assume(number is not None)
    written = phonenumbers.format_number(number, draw(st.sampled_from(FORMATS[:3])))
    tail = draw(st.text("0123456789", min_size=3, max_size=3))
    written = written[:-3] + tail if written[-3:].isdigit() else written
    for place in draw(st.lists(st.integers(1, len(written) - 1), max_size=4)):
        written = written[:place] + draw(st.sampled_from(" -./()\u00a0\u2013")) + written[place:]
    return written, region


@settings(max_examples=400, deadline=None)
@given(scribbled())
@example(("020 7946 0958", "GB"))
def test_what_google_takes_for_a_valid_number_is_read_alike(scribble):
    text, region = scribble
    try:
        google = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return
    if not phonenumbers.is_valid_number(google):
        return
    found = NUMBERING.parse(text, region)
    assert found.phone == phonenumbers.format_number(google, PhoneNumberFormat.E164)


# Tables of text, beside the standard library's reader that is told the dialect.

cells = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp"), include_characters="\n"),
    max_size=12,
)
tables = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6)
)
dialects = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from([",", ";", "\t", "|"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        "lineterminator": st.sampled_from(["\r\n", "\n"]),
    }
)
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])


@pytest.mark.anyio
@settings(max_examples=150, deadline=None)
@given(table=tables, dialect=dialects, encoding=encodings)
async def test_a_table_is_read_as_the_reader_that_knows_its_dialect_reads_it(
    tmp_path_factory, table, dialect, encoding
):
    header = [f"column {n}" for n in range(len(table[0]))]
    out = io.StringIO(newline="")
    csv.writer(out, **dialect).writerows([header, *table])
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_bytes(out.getvalue().encode(encoding))
    text = path.read_bytes().decode(encoding)
    known = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=dialect["delimiter"]) if row]
    async with FileSheets().open(path) as sheet:
        rows = [list(row) async for batch in sheet.batches(100) for _, row in batch]
        assert [list(sheet.header), *rows] == [
            [cell.replace("\r\n", "\n") for cell in row] for row in known if any(cell.strip() for cell in row)
        ]


# Signatures, beside two other implementations.

secrets = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=40)


@many
@given(st.binary(max_size=300), secrets, st.binary(max_size=4))
def test_a_signature_holds_where_cryptography_says_so(body, secret, more):
    reader = MetaWebhookReader((secret,))
    mac = HMAC(secret.encode(), SHA256())
    mac.update(body)
    signature = mac.finalize()
    reader.verify(f"sha256={signature.hex()}", body)
    other = HMAC(secret.encode(), SHA256())
    other.update(body + more)
    try:
        other.verify(signature)
        held = True
    except InvalidSignature:
        held = False
    try:
        reader.verify(f"sha256={signature.hex()}", body + more)
        assert held
    except BadSignature:
        assert not held


@pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl")
@pytest.mark.parametrize("body", [b"", b"{}", bytes(range(256)) * 100])
def test_a_signature_by_openssl_holds(body):
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", "an app secret"], input=body, capture_output=True, check=True
    )
    MetaWebhookReader(("an app secret",)).verify(f"sha256={done.stdout.split()[-1].decode()}", body)


# Tokens, beside another library for them.

roles = st.sampled_from([role for role in Role if role is not Role.CUSTOM])


@many
@given(roles, st.datetimes(datetime(2026, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)))
def test_a_token_says_to_another_library_what_it_says_to_ours(role, now):
    now = now.replace(microsecond=0)
    key = "a signing key that is long enough for anybody"
    actor = Actor(user_id=UserId(uuid4()), organization_id=OrganizationId(uuid4()), role=role)
    session = SessionId(uuid4())
    token = JwtTokens((key,)).issue(actor, session, now)
    ours, whose, until = JwtTokens((key,)).read(token, now + timedelta(seconds=1))
    theirs = jose.decode(token, jwk.OctKey.import_key(key), algorithms=["HS256"])
    assert theirs.header["typ"] == "at+jwt"
    assert theirs.claims["sub"] == str(ours.user_id) == str(actor.user_id)
    assert theirs.claims["org"] == str(ours.organization_id)
    assert theirs.claims["sid"] == str(whose) == str(session)
    assert (theirs.claims["role"], theirs.claims["exp"]) == (role.value, int(until.timestamp()))
