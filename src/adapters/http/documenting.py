"""The API's reference: the OpenAPI document with an example for everything, and a page that shows it.

The page is Swagger UI 5.35.0 (Apache-2.0) from our own files: nothing is fetched from anywhere else.
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.params import FromPath

from tidings.adapters.http.exemplifying import exemplify
from tidings.domain.errors import NotFound

FILES = files("tidings.adapters.http").joinpath("reference")
KINDS: Mapping[str, str] = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "start.js": "text/javascript",
}
PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tidings API</title>
<link rel="stylesheet" href="/schema/files/swagger-ui.css">
</head>
<body>
<main id="reference">The document itself is at <a href="/schema/openapi.json">openapi.json</a>.</main>
<script src="/schema/files/swagger-ui-bundle.js"></script>
<script src="/schema/files/start.js"></script>
</body>
</html>
"""


class NoSuchFile(NotFound):
    """The reference has no such file."""


class ReferencePage(OpenAPIRenderPlugin):
    """The page at /schema."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return PAGE

    def receive_router(self, router: Router) -> None:
        router.register(_file)


class ReferenceDocument(JsonRenderPlugin):
    """The document at /schema/openapi.json; made once."""

    def __init__(self) -> None:
        super().__init__()
        self._made: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        if self._made is None:
            self._made = msgspec.json.encode(exemplify(openapi_schema))
        return self._made


@get("/files/{name:str}", include_in_schema=False, sync_to_thread=False, public=True, permission=None)
def _file(name: FromPath[str]) -> Response[bytes]:
    kind = KINDS.get(name)
    if kind is None:
        raise NoSuchFile()
    return Response(
        FILES.joinpath(name).read_bytes(), media_type=kind, headers={"cache-control": "max-age=86400"}
    )
