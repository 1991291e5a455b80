"""Contexts in services of their own: what each answers to the others."""

from collections.abc import Callable, Collection, Mapping

from litestar.types import ASGIApp

from tidings.adapters.peers.answering import Answering
from tidings.application.ports.campaigns import Audience, Line, Templates
from tidings.application.ports.contacts import CampaignTraces, MessageTraces
from tidings.application.ports.conversations import Desks
from tidings.application.ports.gateway import Credentials
from tidings.application.ports.teams import People
from tidings.application.ports.templates import Wabas
from tidings.application.ports.users import Doorkeeper
from tidings.application.ports.whatsapp import Consent
from tidings.bootstrap.container import Container


def answers(container: Container, contexts: Collection[str]) -> Mapping[type, Callable[[], object]]:
    """Who fulfils which port for other services, of the contexts that are served here."""
    fulfilled: dict[str, dict[type, Callable[[], object]]] = {
        "users": {
            Doorkeeper: container.gate,
            Credentials: container.tokens_of_wabas,
            Wabas: container.wabas_of_users,
            People: container.members,
        },
        "contacts": {Audience: container.audience, Consent: container.wishes},
        "templates": {Templates: container.sendable},
        "teams": {Desks: container.desks},
        "campaigns": {CampaignTraces: container.campaign_traces},
        "whatsapp": {Line: container.line, MessageTraces: container.message_traces},
    }
    return {port: who for name in contexts for port, who in fulfilled.get(name, {}).items()}


def with_answers(app: ASGIApp, container: Container, contexts: Collection[str]) -> ASGIApp:
    """The application, which also answers the other services when there are any."""
    tokens, served = container.service_tokens(), tuple(contexts)
    if not container.settings().apart:
        return app
    return Answering(app, answers(container, served), lambda token: tokens.good(token, served))
