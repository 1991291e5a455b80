"""What every page needs: the API for this person, who they are, and what they typed."""

from collections.abc import Mapping
from typing import Any, cast

from litestar import Request
from litestar.datastructures import UploadFile

from tidings.adapters.console.calls import Api

Asked = Request[Any, Any, Any]
SECRETS = ("password", "newPassword")
"""Fields in which a blank at the end belongs to what was typed."""


def api_of(request: Asked) -> Api:
    return cast("Api", request.scope["state"]["api"])


async def me(request: Asked) -> dict[str, Any]:
    """Who is signed in, with their organisation and permissions. Raise ApiRefused."""
    return cast("dict[str, Any]", await api_of(request).get("/api/auth/profile"))


async def typed(request: Asked) -> dict[str, str]:
    """The fields of a form, trimmed."""
    form = await request.form()
    return {
        name: value.strip() if name not in SECRETS else value
        for name, value in cast("Mapping[str, object]", form).items()
        if isinstance(value, str)
    }


async def some_people(request: Asked) -> list[dict[str, Any]]:
    """Contacts for whom a message may be looked at or tried, when this person may see any."""
    person = await me(request)
    if "contacts:read" not in person["permissions"]:
        return []
    found: list[dict[str, Any]] = await api_of(request).get("/api/contacts", limit=20)
    return found


async def uploaded(request: Asked, name: str) -> tuple[str, bytes] | None:
    """A file's name and bytes, when one was chosen."""
    form = await request.form()
    found = form.get(name)
    if not isinstance(found, UploadFile) or not found.filename:
        return None
    return found.filename, await found.read()
