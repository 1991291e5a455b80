"""The library's remote mode: every use case that a request can do, with the types and errors of embedded."""

import inspect
import re
from collections.abc import Sequence
from typing import Any, get_args, get_origin, get_type_hints

import httpx
import msgspec
import pytest

from tests.test_library import PASSWORD, approved, soon
from tidings import Tidings
from tidings.adapters.http.envelope import Done, Listing, Reply
from tidings.adapters.http.security import endpoints
from tidings.adapters.peers.faces import BY_HAND, NotOverHttp, method_of
from tidings.adapters.peers.public import AnswerLost, PlatformUnavailable
from tidings.adapters.peers.routes import ROUTES, ByValue, Route, Stream
from tidings.application.campaigns import NewCampaign
from tidings.application.contacts.consent import WishTold
from tidings.application.contacts.people import ContactChange, NewContact
from tidings.application.ports.contacts import ContactFilter
from tidings.application.users import NewApiKey
from tidings.application.whatsapp.saying import NewMessage
from tidings.bootstrap.app import create_app, entrance
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.library import use_cases
from tidings.bootstrap.platform import running
from tidings.bootstrap.settings import read_settings
from tidings.domain.campaigns import Fill, State
from tidings.domain.contacts.importing import ImportOptions, Policy
from tidings.domain.contacts.people import ContactNotFound, PhoneTaken
from tidings.domain.contacts.rules import OfSearch
from tidings.domain.contacts.wishes import Wish
from tidings.domain.kernel import Page
from tidings.domain.users import BadToken, EmailTaken, WrongCredentials

pytestmark = pytest.mark.anyio


def asked_of_an_actor():
    """Every method of a use case that works for somebody."""
    for name, kind in use_cases().items():
        for method, function in inspect.getmembers(kind, inspect.isfunction):
            if not method.startswith("_") and "actor" in inspect.signature(function).parameters:
                yield name, method


def routes():
    """Every row of the table: use case, method, route, and what is fixed by its choice."""
    for name, methods in ROUTES.items():
        for method, way in methods.items():
            if isinstance(way, Route):
                yield name, method, way, ""
            elif isinstance(way, Stream):
                yield name, method, way.route, ""
            elif isinstance(way, ByValue):
                for route in way.routes.values():
                    yield name, method, route, way.argument


def plain(kind: Any) -> Any:
    """A type without what makes no difference on the wire."""
    if get_origin(kind) in (list, tuple, Sequence):
        return ("several", plain(get_args(kind)[0]))
    return kind


@pytest.fixture(scope="module")
async def handlers(tmp_path_factory):
    async with assembled(read_settings({}, data=tmp_path_factory.mktemp("app"))) as container:
        found = {}
        for method, path, handler in endpoints(create_app(container)):
            found[method, re.sub(r"{\w+:\w+}", "{}", path)] = handler
        yield found


async def test_every_use_case_of_an_actors_is_in_the_table():
    missing = [
        f"{name}.{method}"
        for name, method in asked_of_an_actor()
        if method not in ROUTES.get(name, {}) and (name, method) not in BY_HAND
    ]
    assert missing == []


async def test_every_row_names_a_method_and_an_argument_that_are_there():
    kinds = use_cases()
    for name, method, route, chosen_by in routes():
        parameters = set(inspect.signature(getattr(kinds[name], method)).parameters)
        named = {route.body, route.spread, chosen_by, *route.wraps, *re.findall(r"{(\w+)}", route.path)} - {
            ""
        }
        assert named <= parameters, (name, method)


async def test_every_row_asks_its_handler_for_what_it_takes_and_gives(handlers):
    kinds = use_cases()
    for name, method, route, chosen_by in routes():
        handler = handlers[route.method, re.sub(r"{\w+}", "{}", route.path)]
        said = f"{name}.{method}"
        signature = handler.parsed_fn_signature
        assert name in signature.parameters, f"{said}: {route.path} is another use case's"
        hints = get_type_hints(getattr(kinds[name], method))
        answer = hints.pop("return")
        if route.body:
            body, theirs = hints[route.body], handler.parsed_data_field.annotation
            assert body is theirs or body is object or body in get_args(theirs), said
        gives = signature.return_type.annotation
        if get_origin(gives) is Reply:
            assert plain(get_args(gives)[0]) == plain(answer), said
        elif get_origin(gives) is Listing:
            assert get_origin(answer) is Page, said
            assert get_args(gives) == get_args(answer), said
        elif gives is Done:
            assert answer is type(None), said
        in_path = set(re.findall(r"{(\w+)}", route.path))
        left = set(hints) - {"actor", "once", route.body, route.spread, *route.wraps, *in_path}
        if chosen_by not in in_path:
            left.discard(chosen_by)
        if route.spread:
            left |= set(hints[route.spread].__struct_fields__)
        query = {route.renamed.get(each, camel(each)) for each in left - route.left_out}
        assert query <= takes(handler), (said, query - takes(handler))


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(each.title() for each in rest)


def takes(handler):
    """The names of a handler's query parameters."""
    found = set()
    for name, each in handler.parsed_fn_signature.parameters.items():
        definition = each.kwarg_definition
        found.add(getattr(definition, "query", None) or getattr(definition, "name", None) or name)
    return found


@pytest.fixture
async def two(tmp_path):
    """The same platform from within and from without."""
    async with (
        assembled(read_settings({}, data=tmp_path)) as container,
        running(container),
        Tidings.remote("http://t", transport=httpx.ASGITransport(entrance(container))) as remote,
    ):
        yield remote, container


async def test_the_readme_holds_remote_as_embedded(two):
    t, _ = two
    actor = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
    template = await approved(t, actor)
    for n in range(3):
        await t.contacts.add(
            actor, NewContact(phone=f"+4477009000{n:02}", country_code="+44", first_name=f"P{n}")
        )
    new = NewCampaign(name="News", template_id=template.id, parameters={"body.1": Fill(field="firstName")})
    campaign = await t.campaigns.create(actor, new)
    forecast = await t.rehearsal.forecast(actor, campaign.id)
    assert forecast.people == 3
    await t.campaigns.launch(actor, campaign.id)
    moments = [moment.state async for moment in t.reports.watch(actor, campaign.id)]
    assert moments[-1] is State.COMPLETED
    report = await t.reports.report(actor, campaign.id)
    assert report.totals.planned == 3
    page = await t.reports.recipients(actor, campaign.id, limit=2)
    assert len(page.items) == 2
    why = await t.reports.explain(actor, campaign.id, page.items[0].id)
    assert why.recipient.id == page.items[0].id
    lines = b"".join([piece async for piece in await t.reports.export(actor, campaign.id)]).splitlines()
    assert len(lines) == 4


async def test_answers_and_refusals_are_those_of_the_use_case_itself(two, tmp_path):
    t, container = two
    actor = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
    inside = container.contacts()
    ada = await t.contacts.add(actor, NewContact(phone="+447700900001", country_code="+44", first_name="Ada"))
    assert await inside.get(actor, ada.id) == await t.contacts.get(actor, ada.id)
    with pytest.raises(PhoneTaken):
        await t.contacts.add(actor, NewContact(phone="+447700900001", country_code="+44"))
    with pytest.raises(EmailTaken):
        await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
    with pytest.raises(WrongCredentials):
        await t.sign_in("rowan@example.org", "something else entirely")
    changed = await t.contacts.change(actor, ada.id, ContactChange(last_name="Lovelace"))
    assert (changed.first_name, changed.last_name) == ("Ada", "Lovelace")
    for wanted, holds in ((True, True), (False, False), (None, True)):
        assert (await t.contacts.favorite(actor, ada.id, wanted)).is_favorite is holds
    stopped = await t.consent.note(actor, ada.id, Wish.STOP, WishTold(source="call"))
    assert stopped.opted_out
    asked = ContactFilter(search="Ada", opted_out=True)
    counted = await t.contacts.page(actor, asked, number=1)
    assert (counted.total, counted.items) == (1, [stopped])
    assert await t.contacts.page(actor, asked) == msgspec.structs.replace(counted, total=None)
    with pytest.raises(NotOverHttp):
        await t.contacts.page(actor, ContactFilter(rule=OfSearch(text="Ada")))
    group = await t.groups.ensure(actor, "Friends")
    assert await t.groups.ensure(actor, "Friends") == group
    assert (await t.groups.put_in(actor, group.id, [ada.id])).changed == 1
    people = tmp_path / "people.csv"
    people.write_text("phone,firstName\n+447700900002,Grace\n+447700900001,Augusta\n,Nobody\n")
    told = []
    options = ImportOptions(policy=Policy.UPDATE, country="+44", group_id=group.id)
    report = await t.imports.import_file(actor, people, options, told.append)
    assert (report.created, report.updated, report.failed) == (1, 1, 1)
    assert [each.rows for each in told] == [3]
    await t.contacts.remove(actor, ada.id)
    with pytest.raises(ContactNotFound):
        await t.contacts.get(actor, ada.id)


async def test_a_key_stands_for_who_made_it_and_may_what_it_says(two):
    t, container = two
    actor = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
    made = await t.api_keys.create(actor, NewApiKey(name="shop", scopes=("contacts:read",)))
    transport = httpx.ASGITransport(entrance(container))
    async with Tidings.remote("http://t", made.key, transport=transport) as shop:
        who = await shop.operator()
        assert (who.user_id, who.organization_id) == (actor.user_id, actor.organization_id)
        assert [str(each) for each in who.rights] == ["contacts:read"]
        assert (await shop.contacts.page(who, ContactFilter())).items == []
        with pytest.raises(Exception, match="permission"):
            await shop.contacts.add(who, NewContact(phone="+447700900001", country_code="+44"))
    async with Tidings.remote("http://t", "nonsense", transport=transport) as nobody:
        with pytest.raises(BadToken):
            await nobody.operator()


class Failing(httpx.AsyncBaseTransport):
    """A network that fails as it is told to, before or after the platform has heard."""

    def __init__(self, behind, *faults):
        self.behind, self.faults, self.heard = behind, list(faults), []

    async def handle_async_request(self, request):
        fault = self.faults.pop(0) if self.faults else None
        if fault == "unreachable":
            raise httpx.ConnectError("no")
        self.heard.append(f"{request.method} {request.url.path}")
        reply = await self.behind.handle_async_request(request)
        if fault == "lost":
            await reply.aread()
            raise httpx.ReadTimeout("gone")
        return httpx.Response(fault, text="<html>") if isinstance(fault, int) else reply


async def test_what_was_not_done_is_asked_again_and_what_may_have_been_is_not(two, monkeypatch):
    _, container = two
    network = Failing(httpx.ASGITransport(entrance(container)))
    monkeypatch.setattr("tidings.bootstrap.library.sleep", no_sleep)
    async with Tidings.remote("http://t", transport=network) as t:
        actor = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
        await soon(lambda: t.messages.numbers(actor))
        network.faults[:], network.heard[:] = ["unreachable", "unreachable", None], []
        ada = await t.contacts.add(actor, NewContact(phone="+447700900001", country_code="+44"))
        assert network.heard == ["POST /api/contacts"]
        network.faults[:] = ["lost", 502, None]
        assert (await t.contacts.get(actor, ada.id)).id == ada.id
        network.faults[:], network.heard[:] = ["lost"], []
        with pytest.raises(AnswerLost):
            await t.contacts.add(actor, NewContact(phone="+447700900002", country_code="+44"))
        assert network.heard == ["POST /api/contacts"]
        network.faults[:] = [502]
        with pytest.raises(PlatformUnavailable):
            await t.contacts.add(actor, NewContact(phone="+447700900003", country_code="+44"))
        network.faults[:] = ["unreachable"] * 4
        with pytest.raises(PlatformUnavailable):
            await t.contacts.get(actor, ada.id)
        await approved(t, actor, waba=False)
        network.faults[:], network.heard[:] = ["lost", "lost"], []
        body = {"type": "body", "parameters": [{"type": "text", "text": "Ada"}]}
        content = {"type": "template", "name": "opening", "language": "en", "components": [body]}
        new = msgspec.convert({"to": "+447700900001", "content": content}, NewMessage)
        said = await t.messages.send(actor, new)
        assert network.heard == ["POST /api/messages/send"] * 3
        assert [each.id for each in (await t.messages.page(actor)).items] == [said.id]


async def no_sleep(_):
    return None


async def test_a_token_that_ends_is_renewed_without_a_word(two):
    t, _ = two
    actor = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
    ended = "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"
    (kept,) = t.contacts._platform._signed_in.values()
    t.contacts._platform._signed_in = {
        key: msgspec.structs.replace(kept, token=ended) for key in t.contacts._platform._signed_in
    }
    assert (await t.accounts.profile(actor)).user.id == actor.user_id
    (fresh,) = t.contacts._platform._signed_in.values()
    assert fresh.token not in (ended, kept.token)
    await t.sessions.logout(actor)
    with pytest.raises(BadToken):
        await t.accounts.profile(actor)


async def test_methods_that_only_one_process_can_ask_for_are_not_there(two):
    t, _ = two
    with pytest.raises(AttributeError, match="not to be had over HTTP"):
        _ = t.wabas.token
    assert method_of("contacts", use_cases()["contacts"], "addressees") is None
