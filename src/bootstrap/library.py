"""tidings as a library: the platform in your own process, or one that runs elsewhere, with the same calls."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, get_type_hints

import httpx
from dependency_injector import providers

from tidings.adapters.embedded.system import sleep, uuid7
from tidings.adapters.peers.faces import faces
from tidings.adapters.peers.public import Platform as Elsewhere
from tidings.application.campaigns import Campaigns, Crediting, Rehearsal, Reports
from tidings.application.contacts.attributes import Attributes
from tidings.application.contacts.consent import Consent
from tidings.application.contacts.exporting import Exports
from tidings.application.contacts.groups import Groups
from tidings.application.contacts.identities import Identities
from tidings.application.contacts.importing import Imports
from tidings.application.contacts.jobs import ImportJobs
from tidings.application.contacts.people import Contacts
from tidings.application.contacts.privacy import Privacy
from tidings.application.contacts.segments import Segments
from tidings.application.teams import Teams
from tidings.application.templates import HeaderFiles, Keeper, Templates
from tidings.application.users import (
    Accounts,
    ApiKeys,
    Audit,
    Invitations,
    Organizations,
    Registration,
    Roles,
    SecondFactors,
    Sessions,
    SignIn,
    Wabas,
)
from tidings.application.users.subscribing import Subscriptions
from tidings.application.whatsapp.conversations import Conversations
from tidings.application.whatsapp.desk import Desk
from tidings.application.whatsapp.hearing import Webhooks
from tidings.application.whatsapp.policies import Policies
from tidings.application.whatsapp.quotas import Quotas
from tidings.application.whatsapp.saying import Messages
from tidings.bootstrap.assembly import assembled
from tidings.bootstrap.container import Container
from tidings.bootstrap.platform import running
from tidings.bootstrap.settings import CONTEXTS, BadSettings, Settings, read_settings
from tidings.domain.errors import Fault
from tidings.domain.kernel import Actor, OrganizationId, Role

Instead: TypeAlias = Mapping[str, Callable[[Container], object]]
"""Adapters by the names of their providers in `bootstrap/people.py` and `bootstrap/container.py`, such as
`teams_work`: each is made once, of the container that it stands in."""


@dataclass(frozen=True, slots=True)
class Tidings:
    """Every use case, by its name. Most take the actor that `sign_up`, `sign_in` or `operator` gives."""

    accounts: Accounts
    sessions: Sessions
    second_factors: SecondFactors
    organizations: Organizations
    invitations: Invitations
    roles: Roles
    api_keys: ApiKeys
    audit: Audit
    wabas: Wabas
    subscriptions: Subscriptions
    teams: Teams
    contacts: Contacts
    groups: Groups
    consent: Consent
    imports: Imports
    import_jobs: ImportJobs
    exports: Exports
    privacy: Privacy
    identities: Identities
    attributes: Attributes
    segments: Segments
    templates: Templates
    keeper: Keeper
    header_files: HeaderFiles
    campaigns: Campaigns
    reports: Reports
    rehearsal: Rehearsal
    crediting: Crediting
    messages: Messages
    conversations: Conversations
    desk: Desk
    policies: Policies
    quotas: Quotas
    webhooks: Webhooks

    @classmethod
    @asynccontextmanager
    async def embedded(
        cls,
        folder: str | Path,
        *,
        work: bool = True,
        send: bool = True,
        instead: Instead | None = None,
        **settings: str | int | float,
    ) -> "AsyncGenerator[Tidings]":
        """The platform over SQLite files in a folder, with the sandbox unless `graph_url` names Meta.

        `work=False` runs no loops (another process does), `send=False` leaves sending to others; `instead`
        puts adapters of yours where ours would stand; further arguments are settings by name. Leaving the
        block drains what is on its way. Raise BadSettings, DatabaseUnavailable.
        """
        settings_read = read_settings(None, data=Path(folder), **settings)
        async with _here(settings_read, work, send, instead or {}) as tidings:
            yield tidings

    @classmethod
    @asynccontextmanager
    async def on_servers(
        cls,
        *,
        work: bool = True,
        send: bool = True,
        instead: Instead | None = None,
        **settings: str | int | float,
    ) -> "AsyncGenerator[Tidings]":
        """The platform in this process, over a MySQL of your own and, where they are named, Redis and
        RabbitMQ: by environment, or by name (`db_host`, `redis_url`, `rabbitmq_url`, ...).

        Else as `embedded`. The tables are those that `tidings migrate` made. Raise as it does.
        """
        settings_read = read_settings(None, **settings)
        if settings_read.on_files:
            fault = Fault(field="DB_HOST", rule="required", message="must name your MySQL server")
            raise BadSettings(f"The settings cannot be used: {fault.field} {fault.message}.", fault)
        async with _here(settings_read, work, send, instead or {}) as tidings:
            yield tidings

    @classmethod
    @asynccontextmanager
    async def remote(
        cls, url: str, key: str | None = None, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> "AsyncGenerator[Tidings]":
        """A platform that runs elsewhere, over its HTTP API at `url`.

        The key is an API key; `operator` is who it stands for. Who signs in here is asked for with tokens
        that are renewed. The service decides what an actor may do, whatever the actor says. Questions are
        asked again when the network fails, and so are messages, which carry an `Idempotency-Key`.
        Calls raise as they do embedded, and PlatformUnavailable or AnswerLost.
        """
        async with httpx.AsyncClient(base_url=url, transport=transport, follow_redirects=False) as client:
            platform = Elsewhere(client, key, sleep)
            yield Tidings(**faces(platform, use_cases(), uuid7))

    async def sign_up(self, name: str, email: str, password: str) -> Actor:
        """A new user with an organisation of their own. Raise what `Accounts.register` raises."""
        made = await self.accounts.register(Registration(name=name, email=email, password=password))
        return Actor(user_id=made.user.id, organization_id=made.organization.id, role=Role.OWNER)

    async def sign_in(self, email: str, password: str) -> Actor:
        """The person, in the organisation that they signed in to last. Raise WrongCredentials."""
        found = await self.accounts.login(SignIn(email=email, password=password))
        return Actor(user_id=found.user.id, organization_id=found.organization.id, role=found.role)

    async def operator(self, organization: OrganizationId | None = None) -> Actor:
        """The owner of an organisation, or of the only one there; remote, who the key stands for."""
        return await self.accounts.operator(organization)


def use_cases() -> dict[str, type]:
    """The class of each member of `Tidings`."""
    hints = get_type_hints(Tidings)
    return {name: hints[name] for name in Tidings.__dataclass_fields__}


@asynccontextmanager
async def _here(settings: Settings, work: bool, send: bool, instead: Instead) -> AsyncGenerator[Tidings]:
    chosen = CONTEXTS if work else ()
    async with assembled(settings) as container:
        for name, make in instead.items():
            getattr(container, name).override(providers.Singleton(make, providers.Object(container)))
        async with running(container, chosen, send=work and send):
            yield tidings_of(container)


def tidings_of(container: Container) -> Tidings:
    """The use cases of a container that somebody else keeps running."""
    return Tidings(**{name: getattr(container, name)() for name in use_cases()})
