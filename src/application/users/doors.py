"""How often somebody may knock, by account and by address (reliability S4).

Wrong tries of one address at one account, of one address at all, and of strangers at one account are
counted apart: strangers who hammer an account keep out other strangers, not its owner at a familiar place.
"""

import ipaddress
from dataclasses import dataclass

from tidings.application.ports.users import Limiter
from tidings.domain.users import Budget, TooManyTries, fingerprint

PAIR = Budget(name="sign-in of a pair", tries=5, seconds=900)
STRANGERS = Budget(name="sign-in of strangers", tries=50, seconds=900)
ADDRESS = Budget(name="sign-in of an address", tries=30, seconds=60)
CODES = Budget(name="codes", tries=5, seconds=900)
RESETS = Budget(name="resets of an account", tries=3, seconds=3600)
RESETS_FROM = Budget(name="resets of an address", tries=20, seconds=3600)
REGISTERS = Budget(name="registering an e-mail", tries=5, seconds=900)
REGISTERS_FROM = Budget(name="registering from an address", tries=200, seconds=3600)
PROOFS_FROM = Budget(name="links of an address", tries=30, seconds=600)


@dataclass(frozen=True, slots=True)
class Tries:
    """What was taken, to be given back when the try was a rightful one."""

    limiter: Limiter
    taken: tuple[tuple[Budget, str], ...]

    async def rightful(self) -> None:
        for budget, key in self.taken:
            await self.limiter.give_back(budget, key)


@dataclass(frozen=True, slots=True)
class Doors:
    limiter: Limiter

    async def sign_in(self, email: str, origin: str, *, familiar: bool) -> Tries:
        """Raise TooManyTries."""
        account, place = fingerprint(email), network(origin)
        wanted = [(ADDRESS, place), (PAIR, f"{account}:{place}")]
        if not familiar:
            wanted.append((STRANGERS, account))
        return await self._all(*wanted)

    async def code(self, account: str) -> Tries:
        """Codes of a second factor. Raise TooManyTries."""
        return await self._all((CODES, account))

    async def reset(self, email: str, origin: str) -> None:
        """Raise TooManyTries."""
        await self._all((RESETS_FROM, network(origin)), (RESETS, fingerprint(email)))

    async def register(self, email: str, origin: str) -> None:
        """Raise TooManyTries."""
        await self._all((REGISTERS_FROM, network(origin)), (REGISTERS, fingerprint(email)))

    async def proof(self, origin: str) -> Tries:
        """Links out of letters. Raise TooManyTries."""
        return await self._all((PROOFS_FROM, network(origin)))

    async def _all(self, *wanted: tuple[Budget, str]) -> Tries:
        taken: list[tuple[Budget, str]] = []
        for budget, key in wanted:
            wait = await self.limiter.spend(budget, key)
            if wait is not None:
                await Tries(self.limiter, tuple(taken)).rightful()
                raise TooManyTries(retry_after=wait)
            taken.append((budget, key))
        return Tries(self.limiter, tuple(taken))


def network(origin: str) -> str:
    """Whose address it is: a whole /64 of IPv6 is one household."""
    try:
        address = ipaddress.ip_address(origin)
    except ValueError:
        return origin
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
