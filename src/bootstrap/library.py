"""tidings as a library: the platform in your own process, over files in one folder."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tidings.application.campaigns import Campaigns, Reports
from tidings.application.contacts.consent import Consent
from tidings.application.contacts.groups import Groups
from tidings.application.contacts.importing import Imports
from tidings.application.contacts.people import Contacts
from tidings.application.teams import Teams
from tidings.application.templates import Keeper, Templates
from tidings.application.users import Accounts, Registration, SignIn, Wabas
from tidings.application.whatsapp.hearing import Webhooks
from tidings.application.whatsapp.saying import Messages
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.container import Container
from tidings.bootstrap.platform import running
from tidings.bootstrap.settings import CONTEXTS, read_settings
from tidings.domain.kernel import Actor, OrganizationId, Role


@dataclass(frozen=True, slots=True)
class Tidings:
    """Every use case, by its context. Most take the actor that `sign_up`, `sign_in` or `operator` gives."""

    accounts: Accounts
    wabas: Wabas
    teams: Teams
    contacts: Contacts
    groups: Groups
    consent: Consent
    imports: Imports
    templates: Templates
    keeper: Keeper
    campaigns: Campaigns
    reports: Reports
    messages: Messages
    webhooks: Webhooks

    @classmethod
    @asynccontextmanager
    async def embedded(
        cls, folder: str | Path, *, work: bool = True, send: bool = True, **settings: str | int | float
    ) -> "AsyncGenerator[Tidings]":
        """The platform over SQLite files in a folder, with the sandbox unless `graph_url` names Meta.

        `work=False` runs no loops (another process does), `send=False` leaves sending to others; further
        arguments are settings by name. Leaving the block drains what is on its way.
        Raise BadSettings, DatabaseUnavailable.
        """
        chosen = CONTEXTS if work else ()
        async with (
            assembled(read_settings(None, data=Path(folder), **settings)) as container,
            running(container, chosen, send=work and send),
        ):
            yield _of(container)

    async def sign_up(self, name: str, email: str, password: str) -> Actor:
        """A new user with an organisation of their own. Raise what `Accounts.register` raises."""
        made = await self.accounts.register(Registration(name=name, email=email, password=password))
        return Actor(user_id=made.user.id, organization_id=made.organization.id, role=Role.OWNER)

    async def sign_in(self, email: str, password: str) -> Actor:
        """Raise WrongCredentials."""
        found = await self.accounts.login(SignIn(email=email, password=password))
        return await self.operator(found.organization.id)

    async def operator(self, organization: OrganizationId | None = None) -> Actor:
        """The owner of an organisation, or of the only one in the folder."""
        return await self.accounts.operator(organization)


def _of(container: Container) -> Tidings:
    return Tidings(**{name: getattr(container, name)() for name in Tidings.__dataclass_fields__})
