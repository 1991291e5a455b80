"""What a cache of replies stands on: versions that tell of changes, and a store that may forget."""

from typing import Protocol

from tidings.domain.kernel import OrganizationId


class Versions(Protocol):
    """How often an organisation's things of a context have changed, as text that never comes back."""

    async def of(self, context: str, organization: OrganizationId) -> str | None:
        """The present version, read before what it is to stand for; None when nobody can tell just now.

        A reply that was made after the version was read, and is kept under it, is never served once a
        later change was committed.
        """
        ...

    async def changing(self, context: str, organization: OrganizationId) -> None:
        """Something is about to be committed. Never raises: a cache that fails stops nothing."""
        ...

    async def changed(self, context: str, organization: OrganizationId) -> None:
        """It was committed, or undone. Never raises."""
        ...


class FarCache(Protocol):
    """A store of bytes that several processes share. Losing all of it costs time, nothing else."""

    async def read(self, key: str) -> bytes | None:
        """None also when the store does not answer within some milliseconds."""
        ...

    async def keep(self, key: str, value: bytes, *, seconds: float) -> None: ...
