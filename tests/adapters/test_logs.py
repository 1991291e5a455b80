"""The log of a process: a JSON object a line, with ids, without secrets."""

import json
import subprocess
import sys
from uuid import UUID

import pytest

from tidings.adapters.observing.logs import HIDDEN, of_what, of_whom, redacted
from tidings.adapters.whose import working_for
from tidings.domain.kernel import Actor, OrganizationId, Role, UserId

TOKEN = "EAAG" + "x" * 60
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc-DEF_123"


@pytest.mark.parametrize(
    "secret",
    [TOKEN, JWT, "Bearer abc.def", "bearer  xyz", "tdk_" + "k" * 32, "user:hunter2", "+447700900123"],
    ids=["meta", "jwt", "bearer", "small", "key", "url", "phone"],
)
def test_secrets_are_cut_out_of_whatever_is_said(secret):
    said = f"it failed at mysql://{secret}@db/x" if ":" in secret else f"it failed with {secret} today"
    event = {"event": said, "reason": [said], "more": {"why": said}, "exception": f"Traceback\n{said}"}
    shown = json.dumps(redacted(None, "", event))
    assert secret not in shown
    assert shown.count("it failed") == 4


@pytest.mark.parametrize(
    "name", ["token", "access_token", "app_secret", "Authorization", "password", "api_key"]
)
def test_what_is_called_a_secret_is_not_shown(name):
    assert redacted(None, "", {name: "hunter2"}) == {name: HIDDEN}
    assert redacted(None, "", {"headers": {name: "hunter2"}}) == {"headers": {name: HIDDEN}}


def test_ids_and_figures_stay():
    event = {
        "event": "dead letter",
        "id": str(UUID(int=2**127)),
        "phone_number_id": "310000000000202",
        "attempts": 7,
        "at": "2026-11-26T12:00:00.000000Z",
        "seconds": 0.25,
        "text": "3 of 1804 at 2026-11-26, wamid.HBgLNDQ3NzAwOTAwMTIz, 12345",
    }
    assert redacted(None, "", dict(event)) == event


def test_the_last_digits_of_a_number_tell_people_apart():
    assert redacted(None, "", {"event": "to +447700900123"})["event"] == f"to {HIDDEN}0123"


def test_a_line_says_whose_request_it_was():
    organization = OrganizationId(UUID(int=9))
    actor = Actor(user_id=UserId(UUID(int=1)), organization_id=organization, role=Role.OWNER)
    working_for({"request_id": "abc"})
    assert of_whom(None, "", {"event": "x"}) == {"event": "x", "request_id": "abc"}
    working_for({"request_id": "abc", "actor": actor})
    assert of_whom(None, "", {"event": "x", "request_id": "mine"}) == {
        "event": "x",
        "request_id": "mine",
        "organization_id": str(organization),
    }


def test_a_line_says_which_campaign_and_message_it_is_about():
    campaign, message = UUID(int=2**127), UUID(int=2**126)
    working_for({"request_id": "abc"}, f"/api/campaigns/{campaign}/recipients/{message}")
    ids = {"campaign_id": str(campaign), "recipient_id": str(message)}
    assert of_whom(None, "", {}) == {"request_id": "abc", **ids}
    working_for({"request_id": "abc"}, f"/api/messages/{message}")
    assert of_whom(None, "", {}) == {"request_id": "abc", "message_id": str(message)}
    error = ValueError("it broke")
    error.add_note(f"campaign_id={campaign}")
    error.add_note("a remark that is none")
    assert of_what(None, "", {"exc_info": error}) == {"exc_info": error, "campaign_id": str(campaign)}
    assert of_what(None, "", {"exc_info": True}) == {"exc_info": True}


def test_ours_and_libraries_lines_are_json_and_redacted():
    script = f"""
import logging, structlog
from tidings.adapters.observing.logs import log_as_json
log_as_json("INFO")
log = structlog.get_logger("tidings.x")
log.info("hello", campaign_id="0199", access_token="{TOKEN}")
log.debug("not shown")
logging.getLogger("asyncmy").warning("lost %s", "{TOKEN}")
logging.getLogger("asyncmy").info("not shown")
try:
    raise ValueError("with {TOKEN}")
except ValueError as error:
    log.error("broke", exc_info=error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]
    assert sorted(line["event"] for line in lines) == ["broke", "hello", f"lost {HIDDEN}"]
    assert TOKEN not in done.stdout + done.stderr
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    assert "ValueError" in next(line["exception"] for line in lines if line["event"] == "broke")
