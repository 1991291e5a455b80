"""Backups of a data folder, and bringing one back so that nobody is written to a second time."""

import shutil
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from tidings.adapters.embedded.backup import FolderInUse, back_up, unpack
from tidings.adapters.embedded.system import utcnow
from tidings.application.campaigns.holding import Holding
from tidings.application.ports.whatsapp import Begin
from tidings.bootstrap.commands import opened
from tidings.bootstrap.settings import Settings
from tidings.domain.errors import Invalid

HELD = "Restored from a backup: who got the message after it was made is not known here. Look, then resume."


class NotInAFolder(Invalid):
    """The data is on a database server, whose own backup is the one to make (docs/database.md)."""


class BackedUp(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was written."""

    archive: str
    files: int
    bytes: int
    made_at: datetime


class Restored(Struct, frozen=True, kw_only=True, rename="camel"):
    """What came back, and what is held until somebody has looked."""

    made_at: datetime
    files: int
    paused: int
    """Campaigns that were under way."""
    unscheduled: int
    """Starts that have come due since."""
    lapsed: int
    """Single messages that were in line: they may have left after the backup was made."""


def make(settings: Settings, archive: Path) -> BackedUp:
    """Write the data folder into a file as it is now. Raise NotInAFolder, WithinFolder, OSError."""
    _check(settings)
    manifest = back_up(settings.data, archive, version=version("tidings"), now=utcnow())
    return BackedUp(
        archive=str(archive),
        files=len(manifest.files),
        bytes=archive.stat().st_size,
        made_at=manifest.made_at,
    )


async def bring_back(settings: Settings, archive: Path) -> Restored:
    """Make the data folder of an archive. Raise NotInAFolder, BadBackup, FolderInUse.

    What was in line when the backup was made may have left since: nothing of it leaves by itself. The folder
    appears when all that is done, or not at all.
    """
    _check(settings)
    folder = settings.data.absolute()
    if folder.exists() and any(folder.iterdir()):
        raise FolderInUse(f"{folder} is not empty; restore into a folder that is.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        manifest = unpack(archive, making)
        async with opened(replace(settings, data=making)) as container:
            runner = container.runner()
            holding = Holding(runner.begin, runner.active, runner.line, container.now())
            held = await holding.hold(HELD)
            begin = cast("Begin", container.whatsapp_begin())
            async with begin() as work:
                lapsed = await work.messages.lapse(container.now()())
        _put_in_place(making, folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return Restored(
        made_at=manifest.made_at,
        files=len(manifest.files),
        paused=held.paused,
        unscheduled=held.unscheduled,
        lapsed=lapsed,
    )


def _put_in_place(made: Path, folder: Path) -> None:
    if folder.exists():
        folder.rmdir()
    made.rename(folder)


def _check(settings: Settings) -> None:
    if not settings.on_files:
        raise NotInAFolder()
