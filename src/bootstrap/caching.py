"""By what replies are kept: the files' own versions on one machine, Redis's where one is named."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID

from tidings.adapters.embedded.versions import FileVersions
from tidings.application.ports.cache import Versions
from tidings.bootstrap.settings import Settings
from tidings.domain.kernel import OrganizationId

W = TypeVar("W")
NOBODY = OrganizationId(UUID(int=0))
"""Stands for all organisations where a transaction is not of one."""


class NoVersions:
    """The Versions port where nobody can tell of changes: nothing is kept."""

    async def of(self, context: str, organization: OrganizationId) -> str | None:
        return None

    async def changing(self, context: str, organization: OrganizationId) -> None: ...

    async def changed(self, context: str, organization: OrganizationId) -> None: ...


def kept_by(settings: Settings) -> str:
    """Redis where there is one; a database server alone tells nobody of changes."""
    if settings.redis_url:
        return "redis"
    return "files" if settings.on_files else "none"


def file_versions(settings: Settings) -> FileVersions:
    return FileVersions({name: settings.data / f"{name}.db" for name in settings.here})


def telling(
    versions: Versions, context: str, begin: Callable[..., AbstractAsyncContextManager[W]]
) -> Callable[..., AbstractAsyncContextManager[W]]:
    """Transactions that tell of what they are about to change, and of having changed it."""
    if isinstance(versions, FileVersions | NoVersions):
        return begin

    @asynccontextmanager
    async def told(*of: Any) -> AsyncGenerator[W]:
        organization = of[0] if of else NOBODY
        await versions.changing(context, organization)
        try:
            async with begin(*of) as work:
                yield work
        finally:
            await versions.changed(context, organization)

    return told
