"""The console's application, and the door that tells its paths from the API's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from mimetypes import guess_type
from typing import Any
from urllib.parse import quote

import structlog
from litestar import Litestar, Request, Response, get
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.types import ASGIApp, ControllerRouterHandler, Receive, Scope, Send

from tidings.adapters.console.access import AccessController
from tidings.adapters.console.calls import ApiRefused
from tidings.adapters.console.campaign_plans import PlanPages
from tidings.adapters.console.campaigns import CampaignPages
from tidings.adapters.console.contacts import ContactPages, GroupPages, ImportPages
from tidings.adapters.console.home import HomePages
from tidings.adapters.console.inbox import InboxPages
from tidings.adapters.console.messages import MessagePages, NumberPages
from tidings.adapters.console.organization import OrganizationPages
from tidings.adapters.console.rendering import PACKAGE, page
from tidings.adapters.console.sandbox import SandboxPages
from tidings.adapters.console.segments import SegmentPages
from tidings.adapters.console.sessions import Sessions
from tidings.adapters.console.templates import TemplatePages

log = structlog.get_logger("tidings.console")

API_PARTS = frozenset({"api", "schema", "health", "ready", "internal", "metrics"})
FOR_GOOD = {"cache-control": "public, max-age=31536000, immutable"}


@get("/static/{digest:str}/{name:path}", sync_to_thread=False)
def static(digest: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """A script or a style; the digest in its address is that of its bytes."""
    parts = str(name).strip("/").split("/")
    file = PACKAGE.joinpath("static", *parts)
    if ".." in parts or not file.is_file():
        return Response(b"", status_code=404)
    kind = guess_type(parts[-1])[0] or "application/octet-stream"
    return Response(file.read_bytes(), media_type=kind, headers=FOR_GOOD)


def refused(request: Request[Any, Any, Any], error: ApiRefused) -> Response[Any]:
    """Who is not signed in goes to the door; the rest is said on a page."""
    if error.status == 401:
        back = request.headers.get("hx-current-url", "") or str(request.url)
        to = f"/sign-in?next={quote(_path_of(back))}"
        if "hx-request" in request.headers:
            return Response("", status_code=200, headers={"hx-redirect": to})
        return Redirect(to)
    return page(request, "refused.html", status=error.status, error=error, me=None)


def lost(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    told = ApiRefused(error.status_code, {"message": error.detail})
    return page(request, "refused.html", status=error.status_code, error=told, me=None)


def broken(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    log.error("a page failed", exc_info=error, path=request.url.path)
    told = ApiRefused(500, {"message": "Something went wrong here."})
    return page(request, "refused.html", status=500, error=told, me=None)


def _path_of(url: str) -> str:
    _, _, rest = url.partition("://")
    path = rest.partition("/")[2]
    return f"/{path}" if rest else "/"


HANDLERS: Sequence[ControllerRouterHandler] = (
    static,
    AccessController,
    HomePages,
    ContactPages,
    GroupPages,
    SegmentPages,
    ImportPages,
    TemplatePages,
    CampaignPages,
    PlanPages,
    InboxPages,
    MessagePages,
    NumberPages,
    OrganizationPages,
    SandboxPages,
)


LARGEST_FORM = 64 * 1024 * 1024
"""Bytes of a form with a file; the API behind it says what it takes of them."""


def create_console(api: ASGIApp, now: Callable[[], datetime], sandbox: ASGIApp | None = None) -> ASGIApp:
    """The console over this API, and the API beside it; with a page of the sandbox, where Meta is played."""
    app = Litestar(
        HANDLERS,
        state=State({"sandbox": sandbox}),
        exception_handlers={ApiRefused: refused, HTTPException: lost, Exception: broken},
        compression_config=CompressionConfig(backend="gzip", minimum_size=700, exclude=["/live$"]),
        openapi_config=None,
        request_max_body_size=LARGEST_FORM,
        debug=False,
    )
    pages = frozenset(route.path.split("/")[1] for route in app.routes)
    return Door(api, Sessions(app, api, now), pages)


@dataclass(frozen=True, slots=True)
class Door:
    """Pages to the console; everything else, and what is nowhere, to the API, unless a browser asks."""

    api: ASGIApp
    console: ASGIApp
    pages: frozenset[str]
    """First parts of the console's paths."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.console if self._is_page(scope) else self.api)(scope, receive, send)

    def _is_page(self, scope: Scope) -> bool:
        if scope["type"] != "http":
            return False
        first = scope["path"].split("/")[1]
        if first in API_PARTS:
            return False
        accepted = (value for name, value in scope["headers"] if name == b"accept")
        return first in self.pages or any(b"text/html" in value for value in accepted)
