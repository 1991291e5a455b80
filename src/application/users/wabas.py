"""An organisation's WhatsApp Business Accounts; their tokens leave here for a call, and for nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct

from tidings.application.ports.common import Now, Signal
from tidings.application.ports.gateway import TokenMissing
from tidings.application.ports.meta import MetaDenied, NotAtMeta
from tidings.application.ports.users import Begin, MetaSignup, Sealer
from tidings.application.users.journal import Journal
from tidings.domain.errors import Fault
from tidings.domain.events import WabaConnected, WabaDisconnected
from tidings.domain.kernel import Actor, OrganizationId, Permission, WabaId
from tidings.domain.users import BadAccount, Waba, WabaNotFound

STRIDE = 100


class NewWaba(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A WhatsApp Business Account and a token that may use it."""

    waba_id: WabaId
    access_token: str


class EmbeddedSignup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What Meta's sign-up window gave to the browser; the code is good for 30 seconds."""

    code: str
    waba_id: WabaId | None = None
    """All that the token shows, when not said."""


@dataclass(frozen=True, slots=True)
class Wabas:
    begin: Begin
    read: Begin
    sealer: Sealer
    meta: MetaSignup
    journal: Journal
    signal: Signal
    now: Now

    async def connect(self, actor: Actor, new: NewWaba) -> Waba:
        """Link an account whose token Meta accepts. Raise WabaTaken, or what Meta says of the token."""
        organization = actor.require(Permission.WABAS_WRITE)
        if faults := _faults(new):
            raise BadAccount("The account cannot be connected like this.", *faults)
        return await self._link(actor, organization, new.waba_id, new.access_token)

    async def sign_up(self, actor: Actor, signup: EmbeddedSignup) -> Sequence[Waba]:
        """Exchange the code of Embedded Signup, link what it shows, and have its webhooks sent to us.

        Raise WabaNotFound when the token shows no (such) account, WabaTaken, or what Meta says.
        """
        organization = actor.require(Permission.WABAS_WRITE)
        shown = await self.meta.redeem(signup.code)
        wanted = [each for each in shown.waba_ids if signup.waba_id in (None, each)]
        if not wanted:
            raise WabaNotFound("The token of this sign-up shows no such WhatsApp Business Account.")
        linked: list[Waba] = []
        for waba_id in wanted:
            await self.meta.subscribe(waba_id, shown.access_token)
            linked.append(await self._link(actor, organization, waba_id, shown.access_token))
        return linked

    async def disconnect(self, actor: Actor, waba_id: WabaId) -> None:
        """Forget the token; nothing more leaves through the account. Raise WabaNotFound."""
        organization = actor.require(Permission.WABAS_WRITE)
        async with self.begin() as work:
            await work.wabas.remove(organization, waba_id)
            await work.outbox.put(WabaDisconnected(organization_id=organization, waba_id=waba_id))
            await self.journal.note(work, actor, "waba:disconnected", waba_id)
        self.signal.wake()

    async def all(self, actor: Actor) -> Sequence[Waba]:
        return await self.of(actor.require(Permission.WABAS_READ))

    async def of(self, organization: OrganizationId) -> Sequence[Waba]:
        """For other contexts, which asked their own actor."""
        async with self.read() as look:
            return await look.wabas.of(organization)

    async def organization_of(self, waba_id: WabaId) -> OrganizationId | None:
        """Whose account it is; for other contexts."""
        async with self.read() as look:
            found = await look.wabas.sealed(waba_id)
        return found[0].organization_id if found else None

    async def token(self, waba_id: WabaId) -> str:
        """The token, for the moment of a call. Raise TokenMissing."""
        async with self.read() as look:
            found = await look.wabas.sealed(waba_id)
        if found is None:
            raise TokenMissing()
        waba, sealed = found
        return self.sealer.open(sealed, place_of(waba.organization_id, waba.waba_id))

    async def everywhere(self) -> Sequence[WabaId]:
        """Every account that is connected, of all organisations: for whoever runs the platform."""
        after, known = None, list[WabaId]()
        async with self.read() as look:
            while found := await look.wabas.all(after, STRIDE):
                known += [waba.waba_id for waba, _ in found]
                after = known[-1]
        return known

    async def _link(self, actor: Actor, organization: OrganizationId, waba_id: WabaId, token: str) -> Waba:
        try:
            numbers = await self.meta.connected_numbers(waba_id, token)
        except (MetaDenied, NotAtMeta) as refused:
            field, why = _blamed(refused)
            raise BadAccount(str(refused), Fault(field=field, rule="meta", message=why)) from refused
        waba = Waba(waba_id=waba_id, organization_id=organization, connected_at=self.now())
        sealed = self.sealer.seal(token, place_of(waba.organization_id, waba.waba_id))
        event = WabaConnected(organization_id=organization, waba_id=waba_id, numbers=tuple(numbers))
        async with self.begin() as work:
            await work.wabas.put(waba, sealed)
            await work.outbox.put(event)
            after = {"numbers": [number.phone_number_id for number in numbers]}
            await self.journal.note(work, actor, "waba:connected", waba_id, after=after)
        self.signal.wake()
        return waba


def _blamed(refused: MetaDenied | NotAtMeta) -> tuple[str, str]:
    """Which of the two that were given Meta does not take."""
    if isinstance(refused, MetaDenied):
        return "accessToken", "is not taken by Meta for this account"
    return "wabaId", "is no account that Meta shows to this token"


def _faults(new: NewWaba) -> list[Fault]:
    faults: list[Fault] = []
    if not (new.waba_id.isascii() and new.waba_id.isdecimal() and len(new.waba_id) <= 32):
        faults.append(Fault(field="wabaId", rule="digits", message="must be the account's id, in digits"))
    if not 1 <= len(new.access_token.strip()) <= 1000:
        faults.append(Fault(field="accessToken", rule="length", message="must have 1 to 1000 characters"))
    return faults


def place_of(organization: OrganizationId | None, waba_id: WabaId) -> str:
    """Where an account's token is sealed for."""
    return f"wabas/{organization}/{waba_id}/token"
