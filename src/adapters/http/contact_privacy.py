"""Privacy over HTTP: one person's data, forgetting, and how long people are kept."""

from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from tidings.adapters.http.envelope import Done, Reply, reply
from tidings.application.contacts.privacy import Privacy, RetentionChange
from tidings.domain.contacts.privacy import PersonalData, Retention
from tidings.domain.kernel import Actor, ContactId, Permission


class PrivacyController(Controller):
    path = "/api/contacts"
    tags = ["Privacy"]

    @get("/{id:uuid}/personal-data", permission=Permission.CONTACTS_REVEAL)
    async def personal_data(
        self, actor: NamedDependency[Actor], privacy: NamedDependency[Privacy], id: FromPath[ContactId]
    ) -> Reply[PersonalData]:
        """Everything that is kept of one person."""
        return reply(await privacy.export(actor, id))

    @post("/{id:uuid}/erase", permission=Permission.CONTACTS_WRITE, status_code=200)
    async def erase(
        self, actor: NamedDependency[Actor], privacy: NamedDependency[Privacy], id: FromPath[ContactId]
    ) -> Done:
        """Forget a person, in every context; only the wish to be left alone stays, and does not say whose."""
        await privacy.erase(actor, id)
        return Done(message="The person is forgotten")

    @get("/retention", permission=Permission.CONTACTS_READ)
    async def retention(
        self, actor: NamedDependency[Actor], privacy: NamedDependency[Privacy]
    ) -> Reply[Retention]:
        """For how many days people are kept of whom nothing is heard."""
        return reply(await privacy.retention(actor))

    @put("/retention", permission=Permission.ORGANIZATION_WRITE)
    async def retain(
        self,
        actor: NamedDependency[Actor],
        privacy: NamedDependency[Privacy],
        data: JSONBody[RetentionChange],
    ) -> Reply[Retention]:
        """Decide for how long people are kept."""
        return reply(await privacy.retain(actor, data))
