"""Embedded Signup, as users see it: a code becomes a token and the accounts that it shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidings.adapters.meta.accounts import MetaAccounts
from tidings.application.ports.users import ShownAccounts
from tidings.domain.events import ConnectedNumber
from tidings.domain.kernel import WabaId

SCOPE = "whatsapp_business_management"


@dataclass(frozen=True, slots=True)
class MetaSignups:
    """The MetaSignup port. Every method may raise the errors of `ports/meta.py`."""

    accounts: MetaAccounts

    async def connected_numbers(self, waba_id: WabaId, token: str) -> Sequence[ConnectedNumber]:
        return await self.accounts.connected_numbers(waba_id, token)

    async def redeem(self, code: str) -> ShownAccounts:
        token = (await self.accounts.exchange_code(code)).access_token
        state = await self.accounts.token_state(token)
        shown = [id for scope in state.granular_scopes if scope.scope == SCOPE for id in scope.target_ids]
        return ShownAccounts(access_token=token, waba_ids=tuple(WabaId(id) for id in shown))

    async def subscribe(self, waba_id: WabaId, token: str) -> None:
        await self.accounts.subscribe(waba_id, token)
