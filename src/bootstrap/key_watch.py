"""Keys that change while everything runs: nothing restarts, and nobody is signed out.

Watched are the files that keys came from: those that a variable names (`TIDINGS_SIGNING_KEYS_FILE`) and the
data folder's `secrets.json`. What stands in a variable itself changes with a restart alone.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

import structlog

from tidings.application.pausing import pause
from tidings.bootstrap.secret_files import kept_secrets, setting_in_file, values_of
from tidings.bootstrap.settings import OTHER_NAMES, Settings, weakness

LOOK = 2.0
"""Seconds between two looks at the files."""
OVERLAP = 15.0
"""Seconds in which a new key is believed and not yet used, until every process has seen it."""

Keys: TypeAlias = tuple[str, ...]
"""The newest first, which is the one that is used; the others are believed."""

log = structlog.get_logger("tidings")


class Renewed(Protocol):
    """What works with keys."""

    def renew(self, keys: Sequence[str]) -> None:
        """Use these from now on. Raise ValueError."""
        ...


@dataclass(slots=True)
class KeyWatch:
    """Hands new keys to whatever works with them."""

    settings: Settings
    users: Mapping[str, Sequence[Renewed]]
    """By the setting that holds the keys: `signing_keys`, `sealing_keys`, `app_secrets`."""
    environment: Mapping[str, str]
    monotonic: Callable[[], float]
    sources: dict[str, Callable[[], Keys]] = field(default_factory=dict[str, Callable[[], Keys]])
    wanted: dict[str, Keys] = field(default_factory=dict[str, Keys])
    used: dict[str, Keys] = field(default_factory=dict[str, Keys])
    due: dict[str, float] = field(default_factory=dict[str, float])

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop`."""
        for name in self.users:
            self.wanted[name] = self.used[name] = getattr(self.settings, name)
            if source := await asyncio.to_thread(self._source, name):
                self.sources[name] = source
        while not stop.is_set() and self.sources:
            await self.look()
            await pause(stop, LOOK)

    async def look(self) -> None:
        """Use what is new, and what has been new for long enough."""
        for name, source in self.sources.items():
            try:
                found = await asyncio.to_thread(source)
            except (OSError, ValueError) as error:
                log.warning("keys cannot be read; those of now stay", setting=name, reason=str(error))
                continue
            if found != self.wanted[name]:
                self._changed(name, found)
            elif name in self.due and self.monotonic() >= self.due[name]:
                del self.due[name]
                self._use(name, found)

    def _changed(self, name: str, found: Keys) -> None:
        self.wanted[name] = found
        why = "there is none" if not found else ""
        if name != "app_secrets":
            why = why or "; ".join({said for key in found if (said := weakness(key))})
        if why:
            self.due.pop(name, None)
            log.error("new keys are not used; those of now stay", setting=name, reason=why)
            return
        first = self.used[name][0]
        self._use(name, (first, *(key for key in found if key != first)))
        self.due[name] = self.monotonic() + OVERLAP

    def _use(self, name: str, keys: Keys) -> None:
        self.used[name] = keys
        for each in self.users[name]:
            each.renew(keys)
        log.info("keys were renewed", setting=name, keys=len(keys))

    def _source(self, name: str) -> Callable[[], Keys] | None:
        """Where the keys of now came from, if it is a file."""
        for source in self._candidates(name):
            try:
                if source() == getattr(self.settings, name):
                    return source
            except (OSError, ValueError):
                continue
        return None

    def _candidates(self, name: str) -> Iterator[Callable[[], Keys]]:
        for variable, value in self.environment.items():
            if value and setting_in_file(variable, OTHER_NAMES) == name:
                yield lambda path=Path(value): values_of(path)
        yield lambda: _in_folder(self.settings.data, name)


def _in_folder(folder: Path, name: str) -> Keys:
    kept = kept_secrets(folder)
    return {
        "signing_keys": (kept.signing_key, *kept.older_signing_keys),
        "sealing_keys": (kept.sealing_key, *kept.older_sealing_keys),
        "app_secrets": (kept.app_secret,),
    }[name]
