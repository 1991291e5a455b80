"""Rows `webhook` and `list`: our service against a bare handler on the same server."""

import hmac
import json
from uuid import uuid4

from bench.figures import Row, Side, cpu_of, memory_of, per_one, per_piece
from bench.load import drive, request
from bench.stage import asked, bare_server, staged

WEBHOOK_CONNECTIONS = 96
LIST_CONNECTIONS = 16
PEOPLE = 200
ROUNDS = 2
"""Both sides take turns; the better round of each counts."""


def webhook(requests: int) -> Row:
    """Signed statuses, one a POST, each durable before its 200."""
    with staged() as stage:
        stage.sign_up()
        account = stage.connect()
        bodies = [_status(account["phoneNumberId"], account["wabaId"], n) for n in range(requests)]
        ours = [
            request("POST", "/api/messages/webhook", stage.port, body, signed(stage.secret, body))
            for body in bodies
        ]
        with bare_server(stage, b"{}") as (port, pid):
            theirs = [request("POST", "/webhook", port, body, signed(stage.secret, body)) for body in bodies]
            sides = _compared(
                (stage.port, stage.processes["service"].pid, ours), (port, pid, theirs), WEBHOOK_CONNECTIONS
            )
    return row(
        "webhook", sides, "signature checked, durable before 200, applied beside it; bare: reads the body"
    )


def listing(requests: int) -> Row:
    """GET /api/contacts, a page of the default size."""
    with staged() as stage:
        stage.sign_up()
        stage.people(PEOPLE)
        page = stage.service.get("/api/contacts")
        said = {"authorization": stage.service.headers["authorization"]}
        question = request("GET", "/api/contacts", stage.port, headers=said)
        with bare_server(stage, page.content) as (port, pid):
            bare = request("GET", "/page", port, headers=said)
            sides = _compared(
                (stage.port, stage.processes["service"].pid, [question] * requests),
                (port, pid, [bare] * requests),
                LIST_CONNECTIONS,
            )
    return row("list", sides, f"{len(page.content):,} bytes; bare: the same bytes from memory")


def row(name: str, sides: tuple[Side, Side], what: str) -> Row:
    """Of ours and the bare one."""
    ours, bare = sides
    return Row(name=name, unit="requests/s", ours=ours, bare=bare, ratio=ours.rate / bare.rate, what=what)


Target = tuple[int, int, list[bytes]]
"""Port, process id, and what is asked."""


def _compared(ours: Target, bare: Target, connections: int) -> tuple[Side, Side]:
    best: list[Side | None] = [None, None]
    for port, _, requests in (ours, bare):
        drive(port, requests[: connections * 2], connections)
    for _ in range(ROUNDS):
        for index, (port, pid, requests) in enumerate((ours, bare)):
            side = driven(port, pid, requests, connections, ours=index == 0)
            known = best[index]
            best[index] = side if known is None or side.rate > known.rate else known
    first, second = best
    if first is None or second is None:
        raise ValueError("at least one round is needed")
    return first, second


def driven(port: int, pid: int, requests: list[bytes], connections: int, *, ours: bool) -> Side:
    """Every request once. Statements are counted of ours alone."""
    before, queries = cpu_of(pid), asked()
    rate, p50, p99 = drive(port, requests, connections)
    return Side(
        rate=rate,
        p50=p50,
        p99=p99,
        cpu=per_piece(before, cpu_of(pid), len(requests)),
        memory=memory_of(pid),
        queries=per_one(queries, asked(), len(requests)) if ours else None,
        done=len(requests),
    )


def signed(secret: str, body: bytes) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "x-hub-signature-256": f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}",
    }


def _status(number: str, waba: str, n: int) -> bytes:
    """A status as Meta tells it, of a message that this platform did not send."""
    status = {
        "id": f"wamid.{uuid4().hex}",
        "status": "delivered",
        "timestamp": str(1_790_000_000 + n),
        "recipient_id": f"4477{n:08}",
        "biz_opaque_callback_data": str(uuid4()),
        "pricing": {"billable": True, "pricing_model": "PMP", "category": "marketing", "type": "regular"},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "447700900000", "phone_number_id": number},
        "statuses": [status],
    }
    entry = {"id": waba, "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
