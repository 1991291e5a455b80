"""Rows `item`, `item-redis`, `item-mysql`, `create`: one person asked for, wherever the reply is; one made.

Each reply of `item` is in the service's memory; those of `item-redis` another process has kept, and those of
`item-mysql` nobody has.
"""

import json
from collections.abc import Sequence

from bench.figures import Row
from bench.load import drive, request
from bench.serving import driven, row
from bench.stage import Stage, bare_server, staged

CONNECTIONS, MAKERS = 16, 96
"""Who asks and who adds at the same time; as many as bring webhooks."""


def item(requests: int) -> Row:
    """GET /api/contacts/{id}, the same again and again."""
    with staged() as stage:
        (path,) = _people(stage, 1)
        return _asked_for(stage, "item", [path] * requests, "one person, kept in memory")


def item_redis(requests: int) -> Row:
    """Each person once, of a process that was just started."""
    with staged() as stage:
        paths = _people(stage, requests)
        drive(stage.port, _questions(stage, paths), CONNECTIONS)
        stage.restart()
        return _asked_for(stage, "item-redis", paths, "each person once, kept in Redis by another process")


def item_mysql(requests: int) -> Row:
    """Each person once, of whom nobody has asked."""
    with staged() as stage:
        return _asked_for(stage, "item-mysql", _people(stage, requests), "each person once, kept nowhere")


def create(requests: int) -> Row:
    """POST /api/contacts, somebody new each time."""
    with staged() as stage:
        stage.sign_up()
        said = {**_bearer(stage), "content-type": "application/json"}
        bodies = [
            json.dumps({"firstName": f"Person {n}", "phone": f"+4477{n:08}", "countryCode": "+44"}).encode()
            for n in range(requests)
        ]
        asked_for = [request("POST", "/api/contacts", stage.port, body, said) for body in bodies]
        ours = driven(stage.port, stage.processes["service"].pid, asked_for, MAKERS, ours=True)
        with bare_server(stage, b"{}") as (port, pid):
            theirs = [request("POST", "/webhook", port, body, said) for body in bodies]
            bare = driven(port, pid, theirs, MAKERS, ours=False)
    return row("create", (ours, bare), "one person, stored and told of; bare: reads the body")


def _asked_for(stage: Stage, name: str, paths: Sequence[str], what: str) -> Row:
    ours = driven(
        stage.port, stage.processes["service"].pid, _questions(stage, paths), CONNECTIONS, ours=True
    )
    reply = stage.service.get(paths[0]).content
    with bare_server(stage, reply) as (port, pid):
        question = request("GET", "/page", port, headers=_bearer(stage))
        bare = driven(port, pid, [question] * len(paths), CONNECTIONS, ours=False)
    return row(name, (ours, bare), f"{what}; bare: the same {len(reply):,} bytes from memory")


def _people(stage: Stage, count: int) -> list[str]:
    """So many contacts, and where each is found."""
    stage.sign_up()
    stage.people(count)
    found, cursor = list[str](), ""
    while len(found) < count:
        page = stage.service.get(f"/api/contacts?limit=100{cursor}").raise_for_status().json()
        found += [f"/api/contacts/{each['id']}" for each in page["data"]]
        cursor = f"&cursor={page['pagination'].get('nextCursor', '')}"
    return found


def _questions(stage: Stage, paths: Sequence[str]) -> list[bytes]:
    said = _bearer(stage)
    return [request("GET", path, stage.port, headers=said) for path in paths]


def _bearer(stage: Stage) -> dict[str, str]:
    return {"authorization": stage.service.headers["authorization"]}
