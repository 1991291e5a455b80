"""The organisation's sending policy over HTTP."""

from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from tidings.adapters.http.envelope import Reply, reply
from tidings.application.whatsapp.policies import Policies, PolicyWish
from tidings.domain.kernel import Actor, Permission
from tidings.domain.whatsapp.pressure import SendingPolicy


class PolicyController(Controller):
    path = "/api/sending-policy"
    tags = ["Sending policy"]

    @get("/", permission=Permission.CAMPAIGNS_READ)
    async def shown(
        self, policies: NamedDependency[Policies], actor: NamedDependency[Actor]
    ) -> Reply[SendingPolicy]:
        """Quiet hours and frequency cap of all marketing."""
        return reply(await policies.get(actor))

    @put("/", permission=Permission.ORGANIZATION_WRITE)
    async def change(
        self, policies: NamedDependency[Policies], actor: NamedDependency[Actor], data: JSONBody[PolicyWish]
    ) -> Reply[SendingPolicy]:
        """Set them for whatever leaves from now on, messages in line included."""
        return reply(await policies.put(actor, data), "Sending policy set")
