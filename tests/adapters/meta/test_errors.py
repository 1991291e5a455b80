"""The error catalogue: every code of Meta's has one row, and each row asks for what the fact sheet says."""

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.adapters.meta.codes import DAY, FAMILIES, HOUR, MINUTE, ROWS, SUBROWS
from tidings.adapters.meta.errors import (
    GraphError,
    read_error,
    read_usage,
    regain_seconds,
    rejected,
    row,
)
from tidings.application.ports.gateway import Verdict

EXPECTED = {
    # Fact sheet 6.6, 7.2 and 7.5, by what is to be done.
    Verdict.RETRY: "1 2 4 17 32 613 80007 131000 131016 131049 131053 131057 132069 133004 133015 134101 "
    "135000 2494100",
    Verdict.SLOW_DOWN: "130429",
    Verdict.PAIR_WAIT: "131056",
    Verdict.GIVE_UP: "100 803 130403 130472 130497 131009 131020 131021 131026 131030 131041 131044 131047 "
    "131051 131052 131059 131062 131201 131215 132005 132008 133005 133008 133009 133016 134011 136024 "
    "137000 138000 139000 139004 139100 139103 147001 147005 200005 200006 200007 1752041 2494164 2494179 "
    "2593107 2593108",
    Verdict.SUPPRESS: "131050",
    Verdict.STOP_TEMPLATE: "131008 131055 131058 131061 131063 132000 132001 132007 132012 132015 132016 "
    "132018 132068 134100 134102 141002",
    Verdict.STOP_NUMBER: "33 131037 131045 131048 133000 133006 133010",
    Verdict.STOP_ACCOUNT: "3 10 200 201 299 368 131005 131031 131042 131064",
    Verdict.RENEW_TOKEN: "0 104 190",
}
CASES = [(int(code), verdict) for verdict, codes in EXPECTED.items() for code in codes.split()]

SUBCODES = [
    2388001,
    2388004,
    2388012,
    2388019,
    2388023,
    2388024,
    2388039,
    2388040,
    2388043,
    2388046,
    2388047,
    2388049,
    2388060,
    2388072,
    2388073,
    2388091,
    2388093,
    2388094,
    2388103,
    2388293,
    2388299,
    2494100,
]

WAITS = {
    4: 15 * MINUTE,
    17: 15 * MINUTE,
    80007: 15 * MINUTE,
    131049: DAY,
    131057: MINUTE,
    132069: HOUR,
    133015: 5 * MINUTE,
    133016: 3 * DAY,
    134101: 10 * MINUTE,
}


@pytest.mark.parametrize(("code", "verdict"), CASES)
def test_a_code_asks_for_exactly_what_the_fact_sheet_says(code, verdict):
    said = rejected(GraphError(code=code), 400, httpx.Headers())
    assert (said.code, said.verdict) == (code, verdict)


def test_no_row_is_left_out_of_the_table_above():
    told = {code for code, _ in CASES}
    assert {row.code for row in ROWS} <= told
    assert all(told & set(family.codes) for family in FAMILIES)


def test_every_code_stands_in_one_row_alone():
    codes = [row.code for row in ROWS]
    assert len(codes) == len(set(codes))
    subcodes = [(row.code, row.subcode) for row in SUBROWS]
    assert len(subcodes) == len(set(subcodes))


@pytest.mark.parametrize(("code", "wait"), WAITS.items())
def test_what_must_wait_waits_as_long_as_meta_says(code, wait):
    assert row(code).wait == wait


@pytest.mark.parametrize("row", ROWS)
def test_tries_are_bounded_and_what_is_tried_again_waits_first(row):
    assert 1 <= row.max_attempts <= 10
    if row.verdict in (Verdict.RETRY, Verdict.SLOW_DOWN, Verdict.PAIR_WAIT):
        assert row.max_attempts > 1
        assert row.wait > 0
    else:
        assert row.max_attempts == 1
    assert row.meaning


@pytest.mark.parametrize(
    "subcode",
    SUBCODES,
)
def test_every_subcode_of_templates_and_numbers_has_a_meaning_of_its_own(subcode):
    assert row(100, subcode).meaning != row(100).meaning


@pytest.mark.parametrize("subcode", [460, 463, 467, None, 999])
def test_a_dead_token_is_dead_whatever_its_subcode(subcode):
    assert row(190, subcode).verdict is Verdict.RENEW_TOKEN


def test_an_unknown_number_id_stops_the_number_and_another_bad_parameter_does_not():
    assert row(100, 33).verdict is Verdict.STOP_NUMBER
    assert row(100).verdict is Verdict.GIVE_UP


@given(st.integers())
def test_a_code_that_nobody_knows_is_given_up_on(code):
    known = {row.code for row in ROWS} | {c for family in FAMILIES for c in family.codes}
    if code not in known:
        assert row(code).verdict is Verdict.GIVE_UP


def test_http_429_slows_down_even_when_its_code_is_unknown():
    assert rejected(GraphError(code=7), 429, httpx.Headers()).verdict is Verdict.SLOW_DOWN
    assert rejected(GraphError(code=190), 429, httpx.Headers()).verdict is Verdict.RENEW_TOKEN


def test_how_long_a_call_limit_lasts_is_read_from_the_usage_header():
    headers = httpx.Headers(
        {
            "x-business-use-case-usage": '{"920000000000101":[{"type":"whatsapp_business_management",'
            '"call_count":100,"total_cputime":5,"total_time":7,"estimated_time_to_regain_access":25}]}',
            "x-app-usage": '{"call_count":28,"total_cputime":5,"total_time":7}',
        }
    )
    assert rejected(GraphError(code=80007), 400, headers).wait == 25 * 60
    assert rejected(GraphError(code=130429), 400, headers).wait == 1
    usage = read_usage(headers)
    assert usage["920000000000101"][0].percent == 100
    assert usage["app"][0].call_count == 28


@pytest.mark.parametrize("header", ["", "{", "[]", '{"1":{}}', '{"1":[{"call_count":"x"}]}', "null"])
def test_a_usage_header_that_cannot_be_read_says_nothing(header):
    headers = httpx.Headers({"x-business-use-case-usage": header, "x-app-usage": header})
    assert regain_seconds(headers) == 0


def test_an_error_is_read_with_everything_it_says():
    body = (
        b'{"error":{"message":"(#132000) Number of parameters does not match","type":"OAuthException",'
        b'"code":132000,"error_subcode":2494073,"error_data":{"messaging_product":"whatsapp",'
        b'"details":"body: 1 of 2"},"fbtrace_id":"AbC"}}'
    )
    assert read_error(body) == GraphError(
        code=132000,
        subcode=2494073,
        message="(#132000) Number of parameters does not match",
        details="body: 1 of 2",
        fbtrace_id="AbC",
    )


def test_fields_that_meta_blames_are_kept():
    body = b'{"error":{"code":100,"error_data":{"blame_field_specs":[["name"],["a","b"]]}}}'
    assert read_error(body).blamed == ("name", "a", "b")


def test_what_meta_would_show_to_a_user_stands_in_for_missing_details():
    body = b'{"error":{"code":100,"message":"Invalid parameter","error_user_msg":"Move the text."}}'
    assert read_error(body).details == "Move the text."


@pytest.mark.parametrize(
    "data", ['"plain text"', "null", "[]", "7", '{"details":7}', '{"blame_field_specs":"name"}', "{}"]
)
def test_error_data_of_any_shape_costs_neither_code_nor_message(data):
    said = read_error(b'{"error":{"code":131009,"message":"m","error_data":' + data.encode() + b"}}")
    assert (said.code, said.message) == (131009, "m")


@pytest.mark.parametrize("code", ["131009", "131009.0", "true", '"x"', "null", "[1]", "1e400", '"-5"'])
def test_an_odd_code_is_a_code_or_no_error_of_metas(code):
    said = read_error(b'{"error":{"code":' + code.encode() + b"}}")
    assert said is None or isinstance(said.code, int)


@given(st.binary() | st.text().map(str.encode))
def test_no_bytes_make_the_reader_of_errors_fall_over(body):
    read_error(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["code", "error_data", "details", "message", "error_subcode"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_makes_the_reader_of_errors_fall_over(said):
    read_error(msgspec.json.encode({"error": said}))
