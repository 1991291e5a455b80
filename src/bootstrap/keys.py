"""Changing keys: new ones in front of those of now, everything sealed anew, the older ones let go.

Where keys come from the environment, `new_key` makes one to put there in front; the folder's own are changed
in `secrets.json`.
"""

import os
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidings.adapters.embedded.system import new_secret
from tidings.application.users import Resealed
from tidings.bootstrap.commands import opened
from tidings.bootstrap.secret_files import SECRETS, BadSettings, Secrets, kept_secrets
from tidings.bootstrap.settings import Settings
from tidings.domain.errors import Fault


class Rotated(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many keys there are now, the newest first."""

    signing_keys: int
    sealing_keys: int


def new_key() -> str:
    """A key for TIDINGS_SIGNING_KEYS or TIDINGS_SEALING_KEYS."""
    return new_secret()


def rotate(settings: Settings) -> Rotated:
    """New keys in front of the folder's; processes that run use them within seconds (`key_watch.py`).

    Raise BadSettings when the keys come from the environment.
    """
    _check_ours(settings)
    kept = kept_secrets(settings.data)
    return _put(
        settings.data,
        replace(
            kept,
            signing_key=new_secret(),
            sealing_key=new_secret(),
            older_signing_keys=(kept.signing_key, *kept.older_signing_keys),
            older_sealing_keys=(kept.sealing_key, *kept.older_sealing_keys),
        ),
    )


async def reseal(settings: Settings) -> Resealed:
    """Seal with the newest key what older ones sealed; may run beside everything else, and again."""
    async with opened(settings) as container:
        return await container.resealing().run()


async def retire(settings: Settings) -> Rotated:
    """Let the folder's older keys go, after everything is sealed anew.

    Every process must have had a minute to see the new ones, or it would seal with a key that is no more.

    Raise BadSettings when the keys come from the environment.
    """
    _check_ours(settings)
    await reseal(settings)
    kept = kept_secrets(settings.data)
    return _put(settings.data, replace(kept, older_signing_keys=(), older_sealing_keys=()))


def _check_ours(settings: Settings) -> None:
    given = {"TIDINGS_SIGNING_KEYS": settings.signing_keys, "TIDINGS_SEALING_KEYS": settings.sealing_keys}
    faults = [
        Fault(field=name, rule="environment", message="is set, so change it there: the newest key first")
        for name, keys in given.items()
        if keys
    ]
    if faults:
        said = "; ".join(f"{fault.field} {fault.message}" for fault in faults)
        raise BadSettings(f"The folder's keys are not those in use: {said}.", *faults)


def _put(folder: Path, secrets: Secrets) -> Rotated:
    fresh = folder / f"{SECRETS}.{os.getpid()}"
    fresh.touch(mode=0o600)
    fresh.write_bytes(msgspec.json.encode(secrets))
    fresh.replace(folder / SECRETS)
    return Rotated(
        signing_keys=1 + len(secrets.older_signing_keys), sealing_keys=1 + len(secrets.older_sealing_keys)
    )
