"""Use cases of a platform elsewhere, called just as those in this process: same names, types and errors."""

import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from email.message import Message
from functools import cache
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Generic, TypeVar, cast, get_args, get_origin, get_type_hints
from urllib.parse import quote

import httpx
import msgspec
from msgspec import UNSET, Struct, UnsetType

from tidings.adapters.peers.public import Ask, Platform
from tidings.adapters.peers.routes import ROUTES, ByValue, Route, Stream, Way
from tidings.application.contacts.importing import Preview
from tidings.application.ports.common import NewId
from tidings.application.ports.templates import File
from tidings.application.templates import UploadedFile
from tidings.application.users import Identity, SignedIn
from tidings.application.whatsapp.desk import InboundFile, NewMedia
from tidings.domain.contacts.importing import ImportOptions, ImportReport, Progress
from tidings.domain.contacts.jobs import ImportJob
from tidings.domain.errors import Invalid, NotFound
from tidings.domain.kernel import (
    Actor,
    ConversationId,
    MessageId,
    OrganizationId,
    Page,
    PhoneNumberId,
    WabaId,
)
from tidings.domain.users import Organization

T = TypeVar("T")
_AS_IT_COMES = ImportOptions()
IN_MEMORY = 8 * 1024 * 1024
"""Bytes of a file from a stream that are kept in memory until it is sent."""


class NotOverHttp(Invalid):
    """That can be asked of a platform in the same process only."""


class _Leaf(Struct, frozen=True, rename="camel"):
    next_cursor: str | None = None
    total: int | None = None


class _Reply(Struct, Generic[T], frozen=True):
    data: T
    pagination: _Leaf | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Method:
    """A use case's method and the request that does the same."""

    way: Way
    signature: inspect.Signature
    read: Callable[[bytes, Mapping[str, Any]], Any]
    """The answer that the method gives, from a reply's body and the arguments."""

    def bound(self, positional: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """Every argument by its name, defaults too. Raise TypeError as a call would."""
        bound = self.signature.bind(None, *positional, **named)
        bound.apply_defaults()
        return dict(list(bound.arguments.items())[1:])


@cache
def method_of(name: str, kind: type, method: str) -> Method | None:
    """What `kind.method` is over HTTP; None when no request does it alone."""
    way = ROUTES.get(name, {}).get(method)
    if way is None:
        return None
    function = getattr(kind, method)
    return Method(way, inspect.signature(function), _reader(get_type_hints(function)["return"]))


def _reader(answer: Any) -> Callable[[bytes, Mapping[str, Any]], Any]:
    if answer is type(None):
        return lambda _body, _arguments: None
    if get_origin(answer) in (AsyncIterator, AsyncGenerator):
        moment = get_args(answer)[0]
        if moment is bytes:
            return lambda body, _arguments: body
        piece: msgspec.json.Decoder[Any] = msgspec.json.Decoder(moment)
        return lambda body, _arguments: piece.decode(body)
    if get_origin(answer) is Page:
        pages: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_Reply[Sequence[get_args(answer)[0]]])
        return lambda body, arguments: _page(pages.decode(body), arguments)
    whole: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_Reply[answer])
    return lambda body, _arguments: whole.decode(body).data


def _page(reply: "_Reply[Any]", arguments: Mapping[str, Any]) -> Page[Any]:
    at = reply.pagination or _Leaf()
    # Over HTTP a list is counted by itself on its first page; here only when it is asked for by number.
    total = at.total if arguments.get("number") is not None else None
    return Page(items=reply.data, next_cursor=at.next_cursor, total=total)


class Face:
    """One use case of a platform elsewhere."""

    def __init__(self, platform: Platform, name: str, kind: type, new_id: NewId) -> None:
        self._platform, self._name, self._kind, self._new_id = platform, name, kind, new_id

    def __getattr__(self, name: str) -> Callable[..., Any]:
        by_hand = BY_HAND.get((self._name, name))
        if by_hand is not None:
            return lambda *positional, **named: by_hand(self._platform, *positional, **named)
        method = method_of(self._name, self._kind, name)
        if method is None:
            raise AttributeError(f"{self._name}.{name} is not to be had over HTTP")
        if isinstance(method.way, Stream):
            return self._moments(method) if method.way.events else self._pieces(method)
        return self._call(method)

    def _call(self, method: Method) -> Callable[..., Any]:
        async def call(*positional: Any, **named: Any) -> Any:
            arguments = method.bound(positional, named)
            if "once" in arguments and arguments["once"] is None:
                # So that it can be asked again when the answer was lost.
                arguments["once"] = str(self._new_id())
            reply = await self._platform.ask(_asked(method.way, arguments))
            answer = method.read(reply.content, arguments)
            self._keep(answer)
            return answer

        return call

    def _moments(self, method: Method) -> Callable[..., AsyncIterator[Any]]:
        async def watch(*positional: Any, **named: Any) -> AsyncGenerator[Any]:
            arguments = method.bound(positional, named)
            async for moment in self._platform.moments(_asked(method.way, arguments)):
                yield method.read(moment, arguments)

        return watch

    def _pieces(self, method: Method) -> Callable[..., Any]:
        async def export(*positional: Any, **named: Any) -> AsyncIterator[bytes]:
            asked = _asked(method.way, method.bound(positional, named))
            return _pieces(await self._platform.opened(asked))

        return export

    def _keep(self, answer: object) -> None:
        signed_in = answer if isinstance(answer, SignedIn) else getattr(answer, "signed_in", None)
        if isinstance(signed_in, SignedIn):
            self._platform.keep(signed_in.user.id, signed_in.organization.id, signed_in)


def _asked(way: Way, arguments: Mapping[str, Any]) -> Ask:
    route = _chosen(way, arguments)
    left = dict(arguments)
    actor = left.pop("actor", None)
    once = left.pop("once", None)
    if isinstance(way, ByValue) and f"{{{way.argument}}}" not in route.path:
        del left[way.argument]
    for name in route.left_out & left.keys():
        del left[name]
    path = route.path
    for name in [each for each in left if f"{{{each}}}" in path]:
        path = path.replace(f"{{{name}}}", quote(str(left.pop(name)), safe=""))
    content = None
    if route.body:
        content = msgspec.json.encode(left.pop(route.body))
    elif route.wraps:
        body = {theirs: left.pop(ours) for ours, theirs in route.wraps.items() if ours in left}
        content = msgspec.json.encode({name: each for name, each in body.items() if each is not None})
    if route.spread:
        left = _fields(left.pop(route.spread), route) | left
    query = {
        route.renamed.get(name, _camel(name)): _text(each) for name, each in left.items() if each is not None
    }
    return Ask(route.method, path, actor=actor, query=query, content=content, once=once)


def _chosen(way: Way, arguments: Mapping[str, Any]) -> Route:
    if isinstance(way, Stream):
        return way.route
    if isinstance(way, Route):
        return way
    value = arguments[way.argument]
    value = getattr(value, "value", value)
    return way.routes[value] if value in way.routes else way.routes[...]


def _fields(wanted: Struct, route: Route) -> dict[str, Any]:
    """Raise NotOverHttp for a question that has no place in the query."""
    given = msgspec.structs.asdict(wanted)
    for name in route.left_out & given.keys():
        if given.pop(name) is not None:
            raise NotOverHttp(f"A list over HTTP cannot be narrowed by {name!r}.")
    return given


def _text(value: Any) -> str:
    plain = msgspec.to_builtins(value)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, float) and plain.is_integer():
        return str(int(plain))
    return str(plain)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.title() for each in rest)


def _data(body: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(body, type=_Reply[kind]).data


async def _operator(platform: Platform, organization: OrganizationId | None = None) -> Actor:
    """Who stands behind the key. Raise NotFound when the key is another organisation's."""
    reply = await platform.ask(Ask("GET", "/api/auth/whoami"))
    found = _data(reply.content, Identity)
    if organization not in (None, found.organization_id):
        raise NotFound("The key belongs to another organisation.")
    return Actor(
        user_id=found.user_id,
        organization_id=found.organization_id,
        role=found.role,
        permissions=frozenset(found.permissions),
    )


async def _create_organization(platform: Platform, actor: Actor, new: Struct) -> tuple[Organization, bool]:
    ask = Ask("POST", "/api/organization", actor=actor, content=msgspec.json.encode(new))
    made = _data((await platform.ask(ask)).content, Organization)
    return made, made.id != actor.organization_id


async def _preview(
    platform: Platform,
    actor: Actor,
    source: Path | AsyncIterable[bytes],
    options: ImportOptions = _AS_IT_COMES,
) -> Preview:
    return await _sent_up(platform, actor, "/api/contacts/import/preview", source, options, Preview)


async def _import_file(
    platform: Platform,
    actor: Actor,
    source: Path | AsyncIterable[bytes],
    options: ImportOptions = _AS_IT_COMES,
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport:
    """`progress` is told once, at the end: the platform answers when it has read everything."""
    report = await _sent_up(platform, actor, "/api/contacts/import", source, options, ImportReport)
    if progress is not None:
        progress(
            Progress(
                rows=report.rows,
                total=report.rows,
                created=report.created,
                updated=report.updated,
                failed=report.failed,
            )
        )
    return report


async def _start_import(
    platform: Platform,
    actor: Actor,
    filename: str,
    source: Path | AsyncIterable[bytes],
    options: ImportOptions,
) -> ImportJob:
    return await _sent_up(platform, actor, "/api/contacts/imports", source, options, ImportJob, filename)


async def _sent_up(
    platform: Platform,
    actor: Actor,
    path: str,
    source: Path | AsyncIterable[bytes],
    options: ImportOptions,
    kind: type[T],
    name: str = "",
) -> T:
    form = {
        "mapping": msgspec.json.encode(options.mapping).decode() if options.mapping else "",
        "policy": options.policy.value,
        "country": options.country,
        "encoding": options.encoding,
        "dryRun": _text(options.dry_run),
        **({"groupId": str(options.group_id)} if options.group_id else {}),
    }
    async with _file(source) as file:
        name = name or (source.name if isinstance(source, Path) else "contacts.csv")
        ask = Ask("POST", path, actor=actor, files={"file": (name, file)}, form=form)
        return _data((await platform.ask(ask)).content, kind)


@asynccontextmanager
async def _file(source: Path | AsyncIterable[bytes]) -> AsyncGenerator[BinaryIO]:
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
        return
    with SpooledTemporaryFile(IN_MEMORY) as kept:
        async for piece in source:
            kept.write(piece)
        kept.seek(0)
        yield cast("BinaryIO", kept)


async def _add_header_file(
    platform: Platform, actor: Actor, file: File, waba_id: WabaId | None = None
) -> UploadedFile:
    ask = Ask(
        "POST",
        "/api/templates/media",
        actor=actor,
        query={} if waba_id is None else {"wabaId": waba_id},
        files={"file": (file.name, file.content, file.mime_type)},
    )
    return _data((await platform.ask(ask)).content, UploadedFile)


async def _send_up_media(
    platform: Platform,
    actor: Actor,
    *,
    name: str,
    mime_type: str,
    content: bytes,
    number: PhoneNumberId | None,
) -> NewMedia:
    form = {} if number is None else {"phoneNumberId": number}
    files = {"file": (name, content, mime_type)}
    reply = await platform.ask(Ask("POST", "/api/media", actor=actor, files=files, form=form))
    return _data(reply.content, NewMedia)


async def _inbound_file(
    platform: Platform, actor: Actor, id: ConversationId, message: MessageId
) -> tuple[InboundFile, AsyncGenerator[bytes]]:
    """The id of the file at Meta is not told over HTTP; here the message's stands in its place."""
    asked = Ask("GET", f"/api/conversations/{id}/messages/{message}/file", actor=actor)
    reply = await platform.opened(asked)
    said = Message()
    said["content-disposition"] = reply.headers.get("content-disposition", "")
    kind = reply.headers.get("content-type", "application/octet-stream")
    file = InboundFile(id=str(message), mime_type=kind, filename=said.get_filename())

    return file, _pieces(reply)


async def _pieces(reply: httpx.Response) -> AsyncGenerator[bytes]:
    """What an opened answer holds; it is closed when its end was read, or when it is let go."""
    async with aclosing(reply):
        async for piece in reply.aiter_bytes():
            yield piece


async def _receive(platform: Platform, signature: str | None, body: bytes) -> None:
    headers = {"content-type": "application/json"} | (
        {} if signature is None else {"x-hub-signature-256": signature}
    )
    await platform.ask(Ask("POST", "/api/messages/webhook", content=body, headers=headers))


BY_HAND: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("accounts", "operator"): _operator,
    ("organizations", "create"): _create_organization,
    ("imports", "preview"): _preview,
    ("imports", "import_file"): _import_file,
    ("import_jobs", "start"): _start_import,
    ("header_files", "add"): _add_header_file,
    ("desk", "send_up"): _send_up_media,
    ("desk", "file"): _inbound_file,
    ("webhooks", "receive"): _receive,
}
"""Methods whose request has files, or whose answer is no JSON."""


def faces(platform: Platform, kinds: Mapping[str, type], new_id: NewId) -> Mapping[str, Any]:
    """All use cases by their names."""
    return {name: Face(platform, name, kind, new_id) for name, kind in kinds.items()}
