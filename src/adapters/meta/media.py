"""Files at Meta: up in one go or resumably, down in pieces, checked by size and sha256 (fact sheet 3)."""

import base64
import binascii
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qsl, quote

import httpx
from msgspec import Struct

from tidings.adapters.meta.calls import Calls
from tidings.adapters.meta.client import Answer, Graph, node
from tidings.adapters.meta.errors import GraphError
from tidings.adapters.meta.templates import template_refusal
from tidings.application.ports.gateway import Credentials
from tidings.application.ports.meta import MetaRefused, MetaUnavailable
from tidings.application.ports.templates import File
from tidings.domain.errors import Unavailable
from tidings.domain.kernel import PhoneNumberId, WabaId
from tidings.domain.templates.refusals import ReviewUnavailable

LARGEST = 100 * 1024 * 1024
"""Bytes; of documents, the largest kind there is (fact sheet 3.3)."""
PIECE = 256 * 1024
TRIES = 4
"""Of a resumable upload that breaks, each going on where Meta says it stopped."""

_MIME = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+(; ?[a-z]+=[a-z0-9-]+)?", re.IGNORECASE)

Source: TypeAlias = Callable[[int], AsyncIterator[bytes]]
"""A file that can be read in pieces from any place, also again."""


class Unmatched(MetaUnavailable):
    """What was downloaded is not what Meta described; nothing of it may be used."""


class TooLarge(MetaRefused):
    """The file is larger than is allowed."""


class FileFacts(Struct, frozen=True, kw_only=True):
    """What is said of a file before it is sent."""

    name: str
    mime_type: str
    size: int


class MediaInfo(Struct, frozen=True, kw_only=True):
    """A file as Meta describes it. The address is good for five minutes."""

    id: str
    url: str
    mime_type: str = ""
    sha256: str = ""
    """In hex or in base64: Meta writes both."""
    file_size: int | str = 0

    @property
    def size(self) -> int:
        said = str(self.file_size)
        return int(said) if said.isascii() and said.isdigit() else 0

    @property
    def digest(self) -> bytes:
        """Empty when there is none that can be read."""
        if re.fullmatch(r"[0-9a-fA-F]{64}", self.sha256):
            return bytes.fromhex(self.sha256)
        try:
            digest = base64.b64decode(self.sha256, validate=True)
        except binascii.Error:
            return b""
        return digest if len(digest) == 32 else b""


class _Made(Struct, frozen=True):
    id: str


class _Handle(Struct, frozen=True):
    h: str


class _Offset(Struct, frozen=True):
    file_offset: int = 0


def _plain(name: str) -> str:
    """A file's name as it may stand between quotes in a header."""
    return "".join("_" if sign in '"\\' or not sign.isprintable() else sign for sign in name)[:240]


def of_bytes(content: bytes) -> Source:
    """A file that lies in memory."""

    async def pieces(offset: int) -> AsyncIterator[bytes]:
        for start in range(offset, len(content), PIECE):
            yield content[start : start + PIECE]

    return pieces


async def _around(before: bytes, pieces: AsyncIterator[bytes], after: bytes) -> AsyncIterator[bytes]:
    yield before
    async for piece in pieces:
        yield piece
    yield after


@dataclass(frozen=True, slots=True)
class Uploading:
    """Uploads with a token at hand, refused in the words of whoever asks."""

    calls: Calls

    async def media(self, number: PhoneNumberId, token: str, file: FileFacts, source: Source) -> str:
        """A media id, from one call whose body is never whole in memory."""
        if not _MIME.fullmatch(file.mime_type):
            raise self.calls.refusal(GraphError(code=100, message="the file's type is no MIME type"), None)
        boundary = hashlib.sha256(repr(file).encode()).hexdigest()
        before = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="messaging_product"\r\n\r\nwhatsapp\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="type"\r\n\r\n{file.mime_type}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{_plain(file.name)}"\r\n'
            f"Content-Type: {file.mime_type}\r\n\r\n"
        ).encode()
        after = f"\r\n--{boundary}--\r\n".encode()
        request = self.calls.request(
            "POST",
            f"{node(number)}/media",
            token,
            stream=_around(before, source(0), after),
            more={
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Content-Length": str(len(before) + file.size + len(after)),
            },
        )
        return (await self.calls.ask(request, _Made)).id

    async def handle(self, app_id: str, token: str, file: FileFacts, source: Source) -> str:
        """The handle of an upload that goes on where it broke off (fact sheet 3.2)."""
        params = {
            "file_name": file.name,
            "file_length": str(file.size),
            "file_type": file.mime_type,
        }
        start = self.calls.request("POST", f"{node(app_id)}/uploads", token, params=params)
        session = (await self.calls.ask(start, _Made)).id
        offset = 0
        for _ in range(TRIES - 1):
            try:
                return await self._push(session, token, source(offset), offset, file.size)
            except Unavailable:
                offset = await self._reached(session, token)
        return await self._push(session, token, source(offset), offset, file.size)

    async def _push(
        self, session: str, token: str, pieces: AsyncIterator[bytes], offset: int, size: int
    ) -> str:
        more = {
            "file_offset": str(offset),
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size - offset),
        }
        return (await self.calls.ask(self._of(session, token, "POST", more, pieces), _Handle)).h

    async def _reached(self, session: str, token: str) -> int:
        return (await self.calls.ask(self._of(session, token, "GET", {}), _Offset)).file_offset

    def _of(
        self,
        session: str,
        token: str,
        method: str,
        more: Mapping[str, str],
        pieces: AsyncIterator[bytes] | None = None,
    ) -> httpx.Request:
        # Some sessions carry a signature of their own: `upload:...?sig=...`.
        path, _, query = session.partition("?")
        return self.calls.request(
            method,
            quote(path, safe=":="),
            token,
            params=dict(parse_qsl(query)),
            stream=pieces,
            more={"Authorization": f"OAuth {token}", **more},
        )


class MetaUploads:
    """The Uploads port of templates."""

    def __init__(self, graph: Graph, credentials: Credentials, *, app_id: str) -> None:
        self._credentials = credentials
        self._app_id = app_id
        self._uploading = Uploading(Calls(graph, template_refusal, ReviewUnavailable))

    async def sample(self, waba_id: WabaId, file: File) -> str:
        token = await self._credentials.token(waba_id)
        return await self._uploading.handle(self._app_id, token, _facts(file), of_bytes(file.content))

    async def media(self, waba_id: WabaId, phone_number_id: PhoneNumberId, file: File) -> str:
        token = await self._credentials.token(waba_id)
        return await self._uploading.media(phone_number_id, token, _facts(file), of_bytes(file.content))


class MetaMedia:
    """Files of messages. Every method may raise the errors of `ports/meta.py`, and TokenMissing."""

    def __init__(self, graph: Graph, credentials: Credentials) -> None:
        self._graph = graph
        self._credentials = credentials
        self._calls = Calls(graph)

    async def upload(self, waba_id: WabaId, number: PhoneNumberId, file: FileFacts, source: Source) -> str:
        """A media id to send with, good for 30 days from this number. Raise TooLarge."""
        if file.size > (most := most_bytes(file.mime_type)):
            raise TooLarge(f"Meta takes at most {most} bytes of {file.mime_type}.")
        token = await self._credentials.token(waba_id)
        return await Uploading(self._calls).media(number, token, file, source)

    async def send_up(
        self, waba_id: WabaId, phone_number_id: PhoneNumberId, *, name: str, mime_type: str, content: bytes
    ) -> str:
        """A file that lies in memory: a media id. Raise TooLarge."""
        file = FileFacts(name=name, mime_type=mime_type, size=len(content))
        return await self.upload(waba_id, phone_number_id, file, of_bytes(content))

    async def info(self, waba_id: WabaId, id: str, number: PhoneNumberId | None = None) -> MediaInfo:
        """Where a file is, for five minutes, and what it should be."""
        params = {"phone_number_id": number} if number is not None else None
        token = await self._credentials.token(waba_id)
        return await self._calls.get(node(id), token, MediaInfo, params)

    async def delete(self, waba_id: WabaId, id: str) -> None:
        await self._calls.delete(node(id), await self._credentials.token(waba_id))

    async def download(self, waba_id: WabaId, id: str, *, most: int = LARGEST) -> AsyncGenerator[bytes]:
        """The file in pieces. It is whole and true only once the iteration has ended by itself.

        Raise TooLarge, and Unmatched at the end when size or sha256 are not what Meta said.
        """
        info = await self.info(waba_id, id)
        if info.size > most:
            raise TooLarge(f"The file has {info.size} bytes; at most {most} are wanted.")
        token = await self._credentials.token(waba_id)
        response = await self._open(info.url, token)
        if response.status_code == 404:
            await response.aclose()
            info = await self.info(waba_id, id)
            response = await self._open(info.url, token)
        async with aclosing(response):
            if response.status_code != 200:
                body = await _read(response)
                raise self._calls.failure(Answer(response.status_code, response.headers, body))
            async with aclosing(_checked(response.aiter_bytes(), info, most)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _open(self, url: str, token: str) -> httpx.Response:
        """The token goes along: Meta named the address, over a connection to Meta."""
        request = httpx.Request(
            "GET",
            url,
            headers={"Authorization": f"Bearer {token}", "User-Agent": "tidings"},
            extensions=self._graph.patient,
        )
        try:
            return await self._graph.transport.handle_async_request(request)
        except (httpx.HTTPError, OSError) as error:
            raise MetaUnavailable(f"no answer from Meta: {type(error).__name__}") from error


def most_bytes(mime_type: str) -> int:
    """How large a file Meta takes (fact sheet 3.3)."""
    if mime_type == "image/webp":
        return 500 * 1024
    megabytes = {"audio": 16, "video": 16, "image": 5}.get(mime_type.partition("/")[0], 100)
    return megabytes * 1024 * 1024


async def _checked(pieces: AsyncIterator[bytes], info: MediaInfo, most: int) -> AsyncGenerator[bytes]:
    digest = hashlib.sha256()
    size = 0
    try:
        async for piece in pieces:
            size += len(piece)
            digest.update(piece)
            if size > most:
                raise TooLarge(f"The file has more than {most} bytes.")
            yield piece
    except (httpx.HTTPError, OSError) as error:
        raise MetaUnavailable(f"the file broke off: {type(error).__name__}") from error
    if info.size not in (0, size):
        raise Unmatched(f"The file has {size} bytes, and Meta said {info.size}.")
    if info.digest and info.digest != digest.digest():
        raise Unmatched("The file's sha256 is not the one that Meta said.")


async def _read(response: httpx.Response) -> bytes:
    try:
        return await response.aread()
    except (httpx.HTTPError, OSError):
        return b""


def _facts(file: File) -> FileFacts:
    return FileFacts(name=file.name, mime_type=file.mime_type, size=len(file.content))
