"""What the organisation may send, and has sent, over HTTP."""

from litestar import Controller, get
from litestar.di import NamedDependency

from tidings.adapters.http.envelope import Reply, reply
from tidings.application.whatsapp.quotas import Quotas, QuotaView
from tidings.domain.kernel import Actor, Permission


class QuotaController(Controller):
    path = "/api/quota"
    tags = ["Sending policy"]

    @get("/", permission=Permission.MESSAGES_READ)
    async def shown(self, quotas: NamedDependency[Quotas], actor: NamedDependency[Actor]) -> Reply[QuotaView]:
        """Messages sent today and this month, and how many may be; days and months are those of UTC."""
        return reply(await quotas.get(actor))
