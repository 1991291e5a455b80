"""httpx over aiohttp's connections: an order of magnitude less work for each request than httpx's own.

It says the truth about broken calls. What failed before anything was written is a ConnectError or a
ConnectTimeout; everything later is a ReadError, ReadTimeout or RemoteProtocolError, after which the
other side may have acted. (`httpx-aiohttp` calls a connection that broke after the request was written a
ConnectTimeout, so that a caller would send again.)
"""

import ssl
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import contextmanager
from typing import TypeAlias, cast

import aiohttp
import httpx
from yarl import URL

Seconds: TypeAlias = dict[str, float | None]

_NEVER_LEFT = (aiohttp.ClientConnectorError, aiohttp.ServerFingerprintMismatch)
_NONSENSE = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)


@contextmanager
def _in_httpx_words() -> Generator[None]:
    """Raise httpx's errors for aiohttp's."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except _NEVER_LEFT as error:
        raise httpx.ConnectError(str(error)) from error
    except _NONSENSE as error:
        raise httpx.UnsupportedProtocol(str(error)) from error
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientResponseError) as error:
        raise httpx.RemoteProtocolError(str(error)) from error
    except TimeoutError as error:
        raise httpx.ReadTimeout(str(error) or "no answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx.ReadError(str(error) or repr(error)) from error


class _Body(httpx.AsyncByteStream):
    """An answer's body as it comes."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _in_httpx_words():
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        """Give the connection back when all was read, else end it."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class AiohttpTransport(httpx.AsyncBaseTransport):
    """One pool of connections. It opens them in the event loop of its first request, and stays there."""

    def __init__(
        self, *, max_connections: int, keepalive: float, verify: ssl.SSLContext | None = None
    ) -> None:
        self._max_connections = max_connections
        self._keepalive = keepalive
        self._verify = verify
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with _in_httpx_words():
            response = await self._open().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=[
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw
                ],
                data=_body(request),
                allow_redirects=False,
                timeout=timeouts(cast(Seconds, request.extensions.get("timeout", {}))),
            )
        return httpx.Response(response.status, headers=list(response.raw_headers), stream=_Body(response))

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, timeout: aiohttp.ClientTimeout
    ) -> tuple[int, Mapping[str, str], bytes]:
        """A small exchange without httpx's objects on either side, which are half of its cost."""
        with _in_httpx_words():
            response = await self._open().request(
                "POST",
                URL(url, encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=timeout,
            )
            said = await response.read()
        if "Content-Encoding" in response.headers:
            said = httpx.Response(200, headers=list(response.raw_headers), content=said).content
        return response.status, response.headers, said

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise httpx.ConnectError("the transport is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._max_connections,
                    keepalive_timeout=self._keepalive,
                    ssl=self._verify or httpx.create_ssl_context(),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._session

    async def aclose(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()


def _body(request: httpx.Request) -> bytes | httpx.AsyncByteStream | None:
    try:
        return request.content or None
    except httpx.RequestNotRead:
        return cast(httpx.AsyncByteStream, request.stream)


def timeouts(seconds: Seconds) -> aiohttp.ClientTimeout:
    """httpx's time-outs in aiohttp's words."""
    return aiohttp.ClientTimeout(
        total=None,
        connect=seconds.get("pool"),
        sock_connect=seconds.get("connect"),
        sock_read=seconds.get("read"),
    )
