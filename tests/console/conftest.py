"""A real server with its sandbox, and Debian's Chromium."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tidings.bootstrap.demo import TEMPLATE, free_port

PASSWORD = "correct horse battery staple"
expect.set_options(timeout=30_000)
"""Milliseconds: a busy machine may take its time over a page."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass
class Served:
    """Where the platform listens, and somebody who has an account on it."""

    url: str
    api: httpx.Client
    email: str
    letters: Path
    """The folder of its letters."""

    def until(self, look):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if found := look():
                return found
            time.sleep(0.1)
        raise AssertionError("it did not come")

    def ask(self, method, path, **body):
        reply = self.api.request(method, path, json=body or None)
        assert reply.is_success, reply.text
        return reply.json().get("data")

    def draft(self, name, **more):
        """A campaign with the approved template, to everybody unless `more` says whom; its id."""
        template = next(each for each in self.ask("GET", "/api/templates") if each["name"] == "autumn_news")
        parameters = {"body.1": {"field": "firstName", "fallback": "there"}, "body.2": {"text": "London"}}
        new = {"name": name, "templateId": template["id"], "parameters": parameters, **more}
        return self.ask("POST", "/api/campaigns", **new)["id"]


@pytest.fixture(scope="package")
def served(tmp_path_factory):
    """The platform in a process of its own, with a number, an approved template and forty people."""
    port, folder = free_port(), tmp_path_factory.mktemp("console")
    with (folder / "log").open("wb") as log:
        command = [
            sys.executable,
            "-m",
            "tidings",
            "serve",
            "--port",
            str(port),
            "--data",
            str(folder / "data"),
        ]
        url = f"http://127.0.0.1:{port}"
        environment = {**os.environ, "TIDINGS_BASE_URL": url}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        with httpx.Client(base_url=url, timeout=30) as api:
            served = Served(url, api, "rowan@example.org", folder / "data" / "mail")
            served.until(lambda: _up(api))
            account = {"name": "Rowan Hale", "email": served.email, "password": PASSWORD}
            token = served.ask("POST", "/api/auth/register", **account)["token"]
            api.headers["authorization"] = f"Bearer {token}"
            served.until(lambda: served.ask("GET", "/api/numbers"))
            group = served.ask("POST", "/api/groups", name="Customers")
            for n in range(40):
                person = {"firstName": f"Person {n}", "phone": f"+4477009{n:05}", "groupId": group["id"]}
                served.ask("POST", "/api/contacts", **person)
            template = served.ask("POST", "/api/templates/create", **TEMPLATE)
            path = f"/api/templates/{template['id']}"
            served.until(lambda: served.ask("GET", path)["status"] == "APPROVED")
            yield served
    finally:
        process.terminate()
        process.wait(timeout=20)


def _up(api):
    try:
        return api.get("/ready").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="package")
def browser():
    """For this package alone: Playwright keeps a loop running on this thread, which others need to start."""
    if CHROMIUM is None:
        pytest.skip("no browser: install chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def signed_in(browser: Browser, served: Served):
    """What a browser keeps of somebody who signed in."""
    context = browser.new_context(base_url=served.url)
    page = context.new_page()
    page.goto("/contacts")
    page.get_by_label("E-mail").fill(served.email)
    page.get_by_label("Password", exact=False).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/contacts")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page(browser: Browser, served: Served, signed_in, request: pytest.FixtureRequest):
    """A page of somebody who is signed in. What the browser complains of fails the test."""
    context = browser.new_context(base_url=served.url, storage_state=signed_in)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    wanted = request.node.get_closest_marker("complains")
    expected = ("422", "404", "ERR_INTERNET_DISCONNECTED", *(wanted.args if wanted else ()))
    assert [each for each in complaints if not any(code in each for code in expected)] == []


__all__ = ["Page"]
