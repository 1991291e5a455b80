"""Whatever goes wrong is told in one shape, and nothing of the inside with it."""

import re
from typing import Annotated

import msgspec
import pytest
from litestar import Litestar, get, post
from litestar.params import FromQuery, JSONBody, QueryParameter
from litestar.testing import AsyncTestClient
from msgspec import Meta, Struct

from tidings.adapters.http.errors import exception_handlers
from tidings.adapters.http.faults import faults_of_body
from tidings.domain.errors import Conflict, Fault, Invalid, Throttled, Unavailable

pytestmark = pytest.mark.anyio


class Inner(Struct, forbid_unknown_fields=True, rename="camel"):
    at_least: Annotated[int, Meta(ge=3)]


class Body(Struct, forbid_unknown_fields=True, rename="camel"):
    first_name: Annotated[str, Meta(min_length=2)]
    kind: Annotated[str, Meta(pattern="^[a-z]+$")]
    items: list[Inner] = []
    note: str | None = None


class PhoneTaken(Conflict):
    """This phone number is taken."""


@post("/body")
async def body(data: JSONBody[Body]) -> None: ...


@get("/query")
async def query(limit: Annotated[int, QueryParameter(ge=1, le=100)], other: FromQuery[int]) -> None: ...


@get("/taken")
async def taken() -> None:
    raise PhoneTaken("", Fault(field="phone", rule="unique", message="is another's"))


@get("/slow")
async def slow() -> None:
    raise Throttled(retry_after=12.2)


@get("/away")
async def away() -> None:
    raise Unavailable()


@get("/bug")
async def bug() -> None:
    raise RuntimeError("SELECT secret FROM /home/tidings/src/users.py")


@pytest.fixture
async def client():
    app = Litestar(
        [body, query, taken, slow, away, bug],
        exception_handlers=exception_handlers,
        request_max_body_size=1000,
        debug=False,
    )
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        yield client


def told(answer, status):
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert set(said) == {"success", "error"}
    assert said["success"] is False
    assert set(said["error"]) == {"code", "message", "details", "requestId"}
    assert answer.headers["content-type"].startswith("application/json")
    return said["error"]


def rules(error):
    return {(each["field"], each["rule"]) for each in error["details"]}


async def test_every_wrong_field_of_a_body_is_named_with_its_rule(client):
    wrong = {"firstName": "x", "kind": "A1", "items": [{"atLeast": 3}, {"atLeast": 2}, {}], "nope": 1}
    error = told(await client.post("/body", json=wrong), 400)
    assert error["code"] == "INVALID_REQUEST"
    assert rules(error) == {
        ("firstName", "length"),
        ("kind", "pattern"),
        ("items[1].atLeast", "range"),
        ("items[2].atLeast", "required"),
        ("nope", "unknown"),
    }


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        ({}, {("firstName", "required"), ("kind", "required")}),
        ({"firstName": 1, "kind": None}, {("firstName", "type"), ("kind", "type")}),
        ({"firstName": "xx", "kind": "a", "items": {}}, {("items", "type")}),
        ([], {("", "type")}),
        ("text", {("", "type")}),
    ],
    ids=["nothing", "wrong types", "a wrong list", "a list", "a text"],
)
async def test_bodies_of_the_wrong_shape_are_told_so(client, sent, wanted):
    assert rules(told(await client.post("/body", json=sent), 400)) == wanted


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"firstName": "\xff"}', b"[" * 900, b"nul"], ids=str
)
async def test_what_is_no_json_is_told_so(client, content):
    headers = {"content-type": "application/json"}
    told(await client.post("/body", content=content, headers=headers), 400)


def test_a_body_nested_beyond_all_reason_is_refused():
    assert faults_of_body(b"[" * 200_000, Body) == []


async def test_wrong_parameters_are_all_named(client):
    error = told(await client.get("/query?limit=y&other=x"), 400)
    assert rules(error) == {("limit", "type"), ("other", "type")}
    assert rules(told(await client.get("/query?limit=0&other=1"), 400)) == {("limit", "range")}
    error = told(await client.get("/query?limit=3"), 400)
    assert {each["field"] for each in error["details"]} == {"other"}


async def test_refusals_carry_their_code_and_faults(client):
    error = told(await client.get("/taken"), 409)
    assert (error["code"], error["message"]) == ("PHONE_TAKEN", "This phone number is taken.")
    assert error["details"] == [{"field": "phone", "rule": "unique", "message": "is another's"}]


async def test_who_comes_too_often_is_told_how_long_to_wait(client):
    answer = await client.get("/slow")
    told(answer, 429)
    assert answer.headers["retry-after"] == "13"
    told(await client.get("/away"), 503)


async def test_what_the_framework_refuses_has_the_same_shape(client):
    assert told(await client.get("/nowhere"), 404)["code"] == "ROUTE_NOT_FOUND"
    answer = await client.delete("/body")
    assert told(answer, 405)["code"] == "METHOD_NOT_ALLOWED"
    assert "POST" in answer.headers["allow"]
    assert told(await client.post("/body", json={"firstName": "x" * 2000}), 413)["code"] == "TOO_LARGE"


async def test_a_bug_discloses_nothing(client):
    answer = await client.get("/bug")
    error = told(answer, 500)
    assert error["code"] == "INTERNAL_ERROR"
    assert not re.search(r"SELECT|secret|\.py|Traceback|RuntimeError|/home", answer.text)


def test_every_refusal_of_the_domain_is_a_kind_that_has_a_status():
    from tidings.adapters.http.errors import STATUS
    from tidings.domain.errors import Refused

    def below(kind):
        for each in kind.__subclasses__():
            yield each
            yield from below(each)

    assert Invalid in STATUS
    assert [each for each in below(Refused) if not any(kind in STATUS for kind in each.__mro__)] in (
        [],
        [each for each in below(Refused) if each.__name__ == "MetaError"],
    )


def test_faults_of_a_body_never_break_on_any_json():
    from hypothesis import given, settings
    from hypothesis import strategies as st

    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["firstName", "kind", "items", "note", "atLeast", "x"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )

    @settings(deadline=None)
    @given(value=values)
    def agrees(value):
        sent = msgspec.json.encode(value)
        try:
            msgspec.json.decode(sent, type=Body)
        except msgspec.ValidationError:
            assert faults_of_body(sent, Body)
        else:
            assert faults_of_body(sent, Body) == []

    agrees()
