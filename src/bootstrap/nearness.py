"""Ports of other contexts: in this process, or at their service."""

from typing import Any

from dependency_injector import providers

from tidings.adapters.peers.remote import Peers
from tidings.bootstrap.settings import Settings


def near_or_far(
    settings: providers.Provider[Settings],
    peers: providers.Provider[Peers],
    context: str,
    port: type[Any],
    near: providers.Provider[Any],
) -> providers.Selector:
    """A port of another context: fulfilled in this process when it runs here, else by its service."""
    return providers.Selector(
        providers.Callable(whereabouts, settings, context),
        near=near,
        far=providers.Singleton(far, peers, context, port),
    )


def whereabouts(settings: Settings, context: str) -> str:
    return "far" if context in settings.elsewhere else "near"


def far(peers: Peers, context: str, port: type[Any]) -> object:
    return peers.port(context, port)
