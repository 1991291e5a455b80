"""Bringing bodies to other people's addresses: public ones alone, no redirects, nothing of ours on the way.

Whether an address is public is decided where the connection is made, on what the name resolved to: a name
that changes between a check and the call meets the same wall (F19, S9).
"""

import ipaddress
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from tidings.application.ports.users.subscriptions import CourierAnswer
from tidings.domain.addresses import is_public

TIMEOUT = 15.0
"""Seconds that an endpoint has to answer."""
AT_ONCE = 100
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""What a NAT64 makes of it is known to nobody here (RFC 6052, RFC 8215)."""


class PrivateAddress(OSError):
    """The name resolves to no public address."""


class PublicResolver(AbstractResolver):
    """Names as the system resolves them, without addresses that are not on the public internet."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        public = [each for each in found if is_global(each["host"])]
        if not public:
            raise PrivateAddress(f"{host} resolves to no public address")
        return public

    async def close(self) -> None:
        await self._inner.close()


def is_global(address: str) -> bool:
    """Whether an IP address is reachable from everywhere; one inside another counts as the inner one."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        if any(found in each for each in _TRANSLATED):
            return False
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif found.sixtofour is not None:
            found = found.sixtofour
        elif found.teredo is not None:
            found = found.teredo[1]
    return found.is_global and not found.is_multicast


@dataclass(slots=True)
class HttpCourier:
    """The Courier port. With `private`, one's own network may be told, too."""

    private: bool = False
    resolver: AbstractResolver | None = None
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def bring(self, url: str, headers: Mapping[str, str], body: bytes) -> CourierAnswer:
        if not (self.private or is_public(url)):
            # A number in place of a name is never resolved, and so never meets the resolver.
            return CourierAnswer(status=None, error="this is no public address")
        began = time.monotonic()
        status: int | None = None
        error = ""
        try:
            async with self._open().post(
                url, data=body, headers=dict(headers), allow_redirects=False
            ) as answer:
                status = answer.status
                if not 200 <= status < 300:
                    said = await answer.content.read(200)
                    error = f"answered {status}: {said.decode('utf-8', 'replace')}".strip(": ")
        except TimeoutError:
            error = f"no answer within {TIMEOUT:.0f} s"
        except (aiohttp.ClientError, OSError, ValueError) as failed:
            error = str(failed.__cause__ or failed) or type(failed).__name__
        return CourierAnswer(status=status, error=error, took_ms=int((time.monotonic() - began) * 1000))

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = self.resolver if self.private else PublicResolver(self.resolver)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, limit=AT_ONCE, ttl_dns_cache=10),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
            )
        return self._session
