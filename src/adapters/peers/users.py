"""What other contexts ask of users, answered in this process."""

import asyncio
from dataclasses import dataclass, field

from tidings.application.ports.common import Monotonic
from tidings.application.ports.gateway import Credentials
from tidings.application.users import Accounts, Wabas
from tidings.domain.kernel import OrganizationId, UserId, WabaId
from tidings.domain.templates.refusals import NoWaba, SeveralWabas

TOKEN_LIFE = 5.0
"""Seconds for which a token is remembered: a number sends hundreds of messages in them."""


@dataclass(frozen=True, slots=True)
class WabaTokens:
    """The Credentials port of whoever calls Meta."""

    wabas: Wabas

    async def token(self, waba_id: WabaId) -> str:
        return await self.wabas.token(waba_id)


@dataclass(frozen=True, slots=True)
class KeptCredentials:
    """The Credentials port again, with a short memory. A token that was changed is used within seconds.

    It is asked for once, however many calls wait for it.
    """

    source: Credentials
    clock: Monotonic
    kept: dict[WabaId, tuple[str, float]] = field(default_factory=dict[WabaId, tuple[str, float]])
    asked: "dict[WabaId, asyncio.Task[str]]" = field(default_factory=dict[WabaId, "asyncio.Task[str]"])

    async def token(self, waba_id: WabaId) -> str:
        known = self.kept.get(waba_id)
        if known is not None and self.clock() < known[1]:
            return known[0]
        if (asked := self.asked.get(waba_id)) is None:
            asked = self.asked[waba_id] = asyncio.create_task(self._ask(waba_id))
        # Whoever stops waiting leaves the answer to the others.
        return await asyncio.shield(asked)

    async def _ask(self, waba_id: WabaId) -> str:
        try:
            token = await self.source.token(waba_id)
            self.kept[waba_id] = (token, self.clock() + TOKEN_LIFE)
            return token
        finally:
            del self.asked[waba_id]


@dataclass(frozen=True, slots=True)
class LocalWabas:
    """The Wabas port of templates."""

    wabas: Wabas

    async def only(self, organization_id: OrganizationId) -> WabaId:
        found = await self.wabas.of(organization_id)
        if not found:
            raise NoWaba()
        if len(found) > 1:
            raise SeveralWabas()
        return found[0].waba_id

    async def require(self, organization_id: OrganizationId, waba_id: WabaId) -> None:
        if waba_id not in {waba.waba_id for waba in await self.wabas.of(organization_id)}:
            raise NoWaba()


@dataclass(frozen=True, slots=True)
class LocalPeople:
    """The People port of teams."""

    accounts: Accounts

    async def require_member(self, organization: OrganizationId, user: UserId) -> None:
        await self.accounts.require_member(organization, user)
