"""An organisation's own limits for marketing: quiet hours and frequency caps."""

from dataclasses import dataclass

from msgspec import Struct

from tidings.application.auditing import difference, note
from tidings.application.ports.common import Now
from tidings.application.ports.whatsapp import Begin
from tidings.domain.kernel import Actor, Permission
from tidings.domain.whatsapp.pressure import Beyond, Cap, QuietHours, SendingPolicy, check_policy


class PolicyWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What marketing must keep to; what is not given is not limited."""

    quiet: QuietHours | None = None
    cap: Cap | None = None
    beyond: Beyond = Beyond.WAIT
    patience: int = 3 * 86_400


@dataclass(frozen=True, slots=True)
class Policies:
    begin: Begin
    read: Begin
    now: Now

    async def get(self, actor: Actor) -> SendingPolicy:
        """The policy in force; an empty one when none was set."""
        organization = actor.require(Permission.CAMPAIGNS_READ)
        async with self.read() as work:
            found = await work.pressure.policies([organization])
        return found.get(organization) or SendingPolicy(organization_id=organization)

    async def put(self, actor: Actor, wish: PolicyWish) -> SendingPolicy:
        """Set it for whatever leaves from now on, messages in line included. Raise BadPolicy."""
        organization = actor.require(Permission.ORGANIZATION_WRITE)
        policy = SendingPolicy(
            organization_id=organization,
            quiet=wish.quiet,
            cap=wish.cap,
            beyond=wish.beyond,
            patience=wish.patience,
        )
        check_policy(policy)
        async with self.begin() as work:
            before = (await work.pressure.policies([organization])).get(organization)
            if wish.quiet is None and wish.cap is None:
                await work.pressure.remove_policy(organization)
            else:
                await work.pressure.put_policy(policy)
            told = difference(before, policy)
            await note(work, actor, self.now(), "sending_policy:set", organization, told)
        return policy
