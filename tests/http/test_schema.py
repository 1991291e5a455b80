"""Whatever the service's own document allows is asked of every operation, and answered as it says (S20).

A real service in a process of its own, embedded, with the sandbox; every answer must have a status, a type
and a body that the document names, and none may be a failure of ours.
"""

import os
import socket
import subprocess
import sys
import time

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.http.checked import ACCOUNT

EXAMPLES = 12
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
STREAMS = ("/progress", "/live", "/export")
"""What goes on by itself is asked for in tests of its own."""


class Asked:
    """The service under test, and somebody who is signed in, again and again if need be."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=30)
        self.document = self.client.get("/schema/openapi.json").json()
        self.token = self.client.post("/api/auth/register", json=ACCOUNT).json()["data"]["token"]

    def call(self, case: schemathesis.Case) -> schemathesis.Response:
        reply = case.call(base_url=self.url, headers=self.headers)
        if reply.status_code != 401:
            return reply
        # What was asked before may have ended the sign-in.
        new = {**ACCOUNT, "email": f"rowan{time.monotonic_ns()}@example.org"}
        self.token = self.client.post("/api/auth/register", json=new).json()["data"]["token"]
        return case.call(base_url=self.url, headers=self.headers)

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schema")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TIDINGS_")}
    command = [sys.executable, "-m", "tidings", "serve", "--data", str(folder), "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=clean, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(300):
                try:
                    if httpx.get(f"{url}/ready").is_success:
                        break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield Asked(url)
        finally:
            process.terminate()
            process.wait(timeout=30)


def test_every_operation_answers_as_the_document_says(asked):
    schema = schemathesis.openapi.from_dict(asked.document)
    wrong: dict[str, str] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.endswith(STREAMS):
            continue

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case):
            case.validate_response(asked.call(case), checks=CHECKS)

        try:
            ask()
        except BaseException as error:
            wrong[operation.label] = str(error)[:2000]
    assert not wrong, "\n\n".join(f"{label}: {said}" for label, said in wrong.items())
