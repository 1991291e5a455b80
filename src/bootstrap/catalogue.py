"""The events between contexts as an AsyncAPI document, made from the code that sends and hears them."""

from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from tidings.bootstrap.container import Container
from tidings.bootstrap.platform import listeners
from tidings.domain.events import AnyEvent, Event

SCHEMAS = "#/components/schemas/{name}"


def asyncapi(container: Container) -> dict[str, Any]:
    """AsyncAPI 3.0: a channel for each type of event, and who hears it."""
    kinds = list(_kinds())
    _, schemas = msgspec.json.schema_components(kinds, ref_template=SCHEMAS)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "tidings events",
            "version": "1",
            "description": "What one context tells the others: at least once, in order for each key, "
            "as JSON. Changes are additive; a change of meaning is a new version in the type.",
        },
        "defaultContentType": "application/json",
        "channels": {_tag(kind): _channel(kind) for kind in kinds},
        "operations": dict(_operations(container)),
        "components": {"schemas": schemas},
    }


def _kinds() -> Iterator[type[Event]]:
    yield from sorted(get_args(AnyEvent), key=_tag)


def _tag(kind: type[Event]) -> str:
    return str(kind.__struct_config__.tag)


def _channel(kind: type[Event]) -> dict[str, Any]:
    said = " ".join((kind.__doc__ or "").split())
    message = {"name": kind.__name__, "payload": {"$ref": f"#/components/schemas/{kind.__name__}"}}
    return {"address": _tag(kind), "description": said, "messages": {kind.__name__: message}}


def _operations(container: Container) -> Iterator[tuple[str, dict[str, Any]]]:
    for group, heard in sorted(listeners(container).items()):
        for kind in sorted(heard, key=_tag):
            channel = {"$ref": f"#/channels/{_tag(kind)}"}
            yield f"{group} hears {_tag(kind)}", {"action": "receive", "channel": channel}
