"""The ASGI application, made of the contexts this process was asked to serve."""

import inspect
from collections.abc import Collection, Iterable, Sequence
from ipaddress import ip_network
from typing import Any, cast

from litestar import Litestar
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp, ControllerRouterHandler

from tidings.adapters.console.app import create_console
from tidings.adapters.embedded.system import chance
from tidings.adapters.http.campaigns import CampaignController, LinkController, RateController
from tidings.adapters.http.contact_files import ContactFileController
from tidings.adapters.http.contact_privacy import PrivacyController
from tidings.adapters.http.contact_segments import AttributeController, SegmentController
from tidings.adapters.http.contacts import ContactController, GroupController
from tidings.adapters.http.conversations import ConversationController, DeskController
from tidings.adapters.http.describing import describe_refusals
from tidings.adapters.http.documenting import ReferenceDocument, ReferencePage
from tidings.adapters.http.errors import exception_handlers
from tidings.adapters.http.health import HealthController, Probe, Probes
from tidings.adapters.http.limits import LARGEST_BODY
from tidings.adapters.http.messages import LARGEST_WEBHOOK, MessageController, NumberController
from tidings.adapters.http.origins import Origins
from tidings.adapters.http.patience import Patience
from tidings.adapters.http.policies import PolicyController
from tidings.adapters.http.quotas import QuotaController
from tidings.adapters.http.replies import Replies, cached_routes
from tidings.adapters.http.security import Entrance, permitted, provide_actor, undeclared
from tidings.adapters.http.subscriptions import SubscriptionController
from tidings.adapters.http.teams import TeamController
from tidings.adapters.http.templates import TemplateController, TemplateFileController
from tidings.adapters.http.users import AuthController, WabaController
from tidings.adapters.http.users_keys import ApiKeyController, FederationController, SecondFactorController
from tidings.adapters.http.users_organizations import (
    AuditController,
    InvitationController,
    OrganizationController,
    RoleController,
)
from tidings.adapters.http.webhook_door import WebhookDoor
from tidings.adapters.redis.link import NoAnswer
from tidings.bootstrap.container import Container
from tidings.bootstrap.settings import CONTEXTS
from tidings.domain.errors import Unavailable
from tidings.domain.kernel import Actor

CONTROLLERS: dict[str, list[ControllerRouterHandler]] = {
    "users": [
        AuthController,
        SecondFactorController,
        FederationController,
        ApiKeyController,
        OrganizationController,
        InvitationController,
        RoleController,
        AuditController,
        WabaController,
        SubscriptionController,
    ],
    "contacts": [
        ContactController,
        ContactFileController,
        PrivacyController,
        GroupController,
        AttributeController,
        SegmentController,
    ],
    "templates": [TemplateController, TemplateFileController],
    "campaigns": [CampaignController, LinkController, RateController],
    "teams": [TeamController],
    "whatsapp": [
        MessageController,
        ConversationController,
        DeskController,
        PolicyController,
        QuotaController,
        NumberController,
    ],
}
PROVIDED = (
    "accounts",
    "sessions",
    "recovery",
    "organizations",
    "invitations",
    "roles",
    "second_factors",
    "api_keys",
    "federation",
    "audit",
    "wabas",
    "subscriptions",
    "teams",
    "contacts",
    "groups",
    "consent",
    "imports",
    "import_jobs",
    "exports",
    "privacy",
    "identities",
    "attributes",
    "segments",
    "templates",
    "keeper",
    "header_files",
    "campaigns",
    "reports",
    "rehearsal",
    "crediting",
    "following",
    "messages",
    "conversations",
    "desk",
    "policies",
    "quotas",
    "webhooks",
    "verify_token",
)
"""What handlers are given, by the name of the container's provider."""


def create_app(container: Container, contexts: Iterable[str] = CONTEXTS) -> Litestar:
    """The application that serves these contexts, with its own OpenAPI document at /schema."""
    chosen = [name for name in CONTEXTS if name in set(contexts)]
    probes = Probes(
        container.now(), {name: _probe(container, name) for name in chosen}, _others(container, chosen)
    )

    app = Litestar(
        [HealthController, *(controller for name in chosen for controller in CONTROLLERS[name])],
        dependencies={
            "actor": Provide(provide_actor, sync_to_thread=False),
            "probes": Provide(lambda: probes, sync_to_thread=False),
            **_provided(container),
        },
        exception_handlers=exception_handlers,
        guards=[permitted],
        request_max_body_size=LARGEST_BODY,
        openapi_config=OpenAPIConfig(
            title="tidings" if len(chosen) == len(CONTEXTS) else f"tidings {', '.join(chosen)}",
            version="0.1.0",
            path="/schema",
            components=Components(
                security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
            ),
            security=[{"bearer": []}],
            use_handler_docstrings=True,
            render_plugins=[ReferencePage(), ReferenceDocument()],
        ),
        debug=False,
    )
    describe_refusals(app)
    if missing := undeclared(app):
        raise RuntimeError(f"endpoints that do not say who may call them: {missing}")
    return app


def entrance(container: Container, contexts: Iterable[str] = CONTEXTS) -> ASGIApp:
    """The application behind its outer layers: one sees also what the framework refuses, one remembers."""
    app = create_app(container, contexts)
    patient = Patience(app, chance)
    replies = Replies(
        patient, cached_routes(app), container.versions(), container.near_cache(), container.far_cache()
    )
    proxies = [ip_network(each) for each in container.settings().proxies]
    api: ASGIApp = Entrance(replies, container.bearers(), proxies, container.rates())
    # The console asks of every context, so it is where all of them are.
    if set(CONTEXTS) <= set(contexts):
        played = container.sandbox()
        meta = None if played is None else cast("ASGIApp", played.app)
        api = create_console(api, container.now(), meta)
    if origins := container.settings().allowed_origins:
        api = Origins(api, frozenset(origins))
    if "whatsapp" in set(contexts):
        api = WebhookDoor(api, container.webhooks(), LARGEST_WEBHOOK)
    return api


def _provided(container: Container) -> dict[str, Provide]:
    """Litestar starts a group of tasks for things that do not depend on each other, at each request: what is
    never taken without the actor is given after them, which costs less."""
    taken = _taken(each for some in CONTROLLERS.values() for each in some)
    alone = {name for names in taken if "actor" not in names for name in names}
    return {
        name: (_given if name in alone else _given_to_somebody)(getattr(container, name)())
        for name in PROVIDED
    }


def _given(thing: Any) -> Provide:
    return Provide(lambda: thing, sync_to_thread=False)


def _given_to_somebody(thing: Any) -> Provide:
    def give(actor: NamedDependency[Actor]) -> Any:
        return thing

    return Provide(give, sync_to_thread=False)


def _taken(controllers: Iterable[ControllerRouterHandler]) -> Iterable[Collection[str]]:
    """What each handler takes, by name."""
    for controller in controllers:
        for each in vars(controller).values():
            if isinstance(each, HTTPRouteHandler):
                yield inspect.signature(each.fn).parameters.keys()


def _probe(container: Container, name: str) -> Probe:
    database = getattr(container, f"{name}_database")()

    async def check() -> None:
        async with database.reading() as connection:
            await connection.exec_driver_sql("SELECT 1")

    return check


def _others(container: Container, chosen: Sequence[str]) -> dict[str, Probe]:
    """What requests can do without for a while: events wait in their outboxes, replies are made anew."""
    bus = container.bus()

    async def events() -> None:
        await bus.lag(chosen[0])

    if container.kept_by() != "redis":
        return {"bus": events}
    link = container.redis()

    async def cache() -> None:
        try:
            await link.ask(lambda line: line.ping())
        except NoAnswer as error:
            raise Unavailable("Redis does not answer in time.") from error

    return {"bus": events, "cache": cache}
