"""Sealing everything anew with the newest key while others go on, whatever a secret is of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec import Struct

from tidings.application.ports.users import Begin, SealedKind, SealedRecord, Sealer
from tidings.application.users.delivering import place_of as place_of_endpoint
from tidings.application.users.factors import place_of as place_of_factor
from tidings.application.users.wabas import place_of as place_of_token
from tidings.domain.kernel import UserId, WabaId

STRIDE = 500
"""Records looked at in one transaction."""


class Resealed(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many secrets were sealed anew, by what they are."""

    access_tokens: int = 0
    second_factors: int = 0
    endpoint_secrets: int = 0


@dataclass(frozen=True, slots=True)
class Resealing:
    begin: Begin
    sealer: Sealer

    async def run(self) -> Resealed:
        """Seal with the newest key what older ones sealed; broken off, it can be run again.

        Raise ValueError when something was sealed by a key that is not known here.
        """
        done = {kind: await self._all(kind) for kind in SealedKind}
        return Resealed(
            access_tokens=done[SealedKind.ACCESS_TOKEN],
            second_factors=done[SealedKind.SECOND_FACTOR],
            endpoint_secrets=done[SealedKind.ENDPOINT] + done[SealedKind.ENDPOINT_BEFORE],
        )

    async def _all(self, kind: SealedKind) -> int:
        after, renewed = None, 0
        while True:
            async with self.begin() as work:
                found = await work.sealed.page(kind, after, STRIDE)
                for record in found:
                    if self.sealer.stale(record.sealed):
                        place = _PLACES[kind](record)
                        fresh = self.sealer.seal(self.sealer.open(record.sealed, place), place)
                        renewed += await work.sealed.replace(kind, record, fresh)
            if len(found) < STRIDE:
                return renewed
            after = found[-1]


_PLACES: Mapping[SealedKind, Callable[[SealedRecord], str]] = {
    SealedKind.ACCESS_TOKEN: lambda each: place_of_token(each.organization_id, WabaId(str(each.id))),
    SealedKind.SECOND_FACTOR: lambda each: place_of_factor(UserId(each.uuid)),
    SealedKind.ENDPOINT: lambda each: place_of_endpoint(each.uuid),
    SealedKind.ENDPOINT_BEFORE: lambda each: place_of_endpoint(each.uuid),
}
