"""The page of events is what the code sends and hears."""

import asyncio
import json
from pathlib import Path
from typing import get_args

import jsonschema
import msgspec

from tidings.bootstrap.commands import list_events
from tidings.domain.events import AnyEvent

PAGE = Path(__file__).parents[1] / "docs" / "asyncapi.json"


def test_the_document_is_up_to_date():
    """Made anew by `tidings events > docs/asyncapi.json`."""
    made = json.loads(json.dumps(asyncio.run(list_events())))
    assert json.loads(PAGE.read_text()) == made


def test_every_event_has_a_channel_a_schema_and_somebody_or_nobody_who_hears_it():
    document = json.loads(PAGE.read_text())
    tags = {str(kind.__struct_config__.tag) for kind in get_args(AnyEvent)}
    assert set(document["channels"]) == tags
    for channel in document["channels"].values():
        (message,) = channel["messages"].values()
        name = message["payload"]["$ref"].removeprefix("#/components/schemas/")
        jsonschema.Draft202012Validator.check_schema(document["components"]["schemas"][name])
    for operation in document["operations"].values():
        assert operation["channel"]["$ref"].removeprefix("#/channels/") in tags


def test_an_event_on_the_wire_is_what_its_schema_says():
    from uuid import uuid4

    from tidings.domain.events import MemberRemoved

    document = json.loads(PAGE.read_text())
    event = MemberRemoved(organization_id=uuid4(), user_id=uuid4())
    schema = {**document["components"]["schemas"]["MemberRemoved"], "components": document["components"]}
    jsonschema.validate(json.loads(msgspec.json.encode(event)), schema)
