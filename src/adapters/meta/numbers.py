"""Sending numbers as Meta describes them at this moment, with the token that is kept for their account."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidings.adapters.meta.accounts import MetaAccounts
from tidings.application.ports.gateway import Credentials
from tidings.domain.events import ConnectedNumber
from tidings.domain.kernel import WabaId


@dataclass(frozen=True, slots=True)
class MetaNumbers:
    """The NumbersAtMeta port of whatsapp."""

    accounts: MetaAccounts
    credentials: Credentials

    async def of(self, waba_id: WabaId) -> Sequence[ConnectedNumber]:
        token = await self.credentials.token(waba_id)
        return await self.accounts.connected_numbers(waba_id, token)
