"""Secrets that come from files: those of a folder, and those that a variable names.

Hosts that hand secrets on as files say `JWT_SECRET_FILE=/run/secrets/jwt` in place of `JWT_SECRET`; several
values stand in lines of their own, or between commas.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from tidings.adapters.embedded.system import new_secret
from tidings.domain.errors import Fault, Invalid

SECRETS = "secrets.json"
"""The file in the data folder that holds what the environment does not."""
OURS = "TIDINGS_"
SUFFIX = "_FILE"
IN_FILES = frozenset(
    {
        "app_secrets",
        "verify_token",
        "signing_keys",
        "sealing_keys",
        "db_password",
        "redis_url",
        "rabbitmq_url",
        "smtp_url",
        "oidc",
    }
)
"""Settings that may stand in a file."""


class BadSettings(Invalid):
    """The settings cannot be used."""


class Secrets(Struct, kw_only=True):
    """What `secrets.json` holds."""

    app_secret: str
    verify_token: str
    signing_key: str
    sealing_key: str
    older_signing_keys: tuple[str, ...] = ()
    older_sealing_keys: tuple[str, ...] = ()


def with_files(environment: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """The environment with what its files hold in place of their names. Raise BadSettings.

    `others` are the settings of variables without our prefix.
    """
    found = dict(environment)
    faults: list[Fault] = []
    for variable in [name for name in environment if setting_in_file(name, others)]:
        base = variable.removesuffix(SUFFIX)
        path = found.pop(variable)
        if not path:
            continue
        if found.get(base):
            faults.append(Fault(field=variable, rule="both", message=f"is set and so is {base}: keep one"))
            continue
        try:
            found[base] = ",".join(values_of(Path(path)))
        except (OSError, UnicodeDecodeError) as error:
            faults.append(Fault(field=variable, rule="file", message=f"cannot be read: {error}"))
    if faults:
        said = "; ".join(f"{fault.field} {fault.message}" for fault in faults)
        raise BadSettings(f"The settings cannot be used: {said}.", *faults)
    return found


def setting_in_file(variable: str, others: Mapping[str, str]) -> str | None:
    """The setting whose file a variable names; None when it names none."""
    if not variable.endswith(SUFFIX):
        return None
    base = variable.removesuffix(SUFFIX)
    name = others.get(base) or (base.removeprefix(OURS).lower() if base.startswith(OURS) else "")
    return name if name in IN_FILES else None


def values_of(path: Path) -> tuple[str, ...]:
    """What a file of secrets holds. Raise OSError and UnicodeDecodeError."""
    lines = path.read_text().splitlines()
    return tuple(each.strip() for line in lines for each in line.split(",") if each.strip())


def kept_secrets(folder: Path) -> Secrets:
    """What a folder's file of secrets holds, which is made when there is none."""
    path = folder / SECRETS
    if not path.exists():
        made = Secrets(
            app_secret=new_secret(),
            verify_token=new_secret(),
            signing_key=new_secret(),
            sealing_key=new_secret(),
        )
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_bytes(msgspec.json.encode(made))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return msgspec.json.decode(path.read_bytes(), type=Secrets)
