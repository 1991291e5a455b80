"""Accounts and templates in a file, so that a sandbox that starts again knows them."""

import os
from pathlib import Path

import msgspec
from msgspec import Struct, field

from tidings.adapters.sandbox.accounts import Account, Standing
from tidings.adapters.sandbox.journeys import WINDOW
from tidings.adapters.sandbox.moderation import Moderation
from tidings.adapters.sandbox.templates import Key, SandboxTemplate
from tidings.adapters.sandbox.world import World


class _Hook(Struct, frozen=True):
    webhook: str | None = None
    override: str | None = None
    subscribed: bool = True


class _Snapshot(Struct, frozen=True):
    accounts: list[Account]
    templates: list[SandboxTemplate]
    hooks: dict[str, _Hook]
    standings: dict[str, Standing] = field(default_factory=dict[str, Standing])
    """By phone number id."""
    talked: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    """Service windows that are open: who wrote when, by phone number id and business-scoped id."""
    deleted: list[tuple[Key, float]] = field(default_factory=list[tuple[Key, float]])
    """Names of templates that are not free yet."""


def save(world: World, path: Path) -> None:
    """Write the whole of it beside the file, then put it in its place."""
    now = world.now()
    snapshot = _Snapshot(
        accounts=[line.account for line in world.ordered],
        templates=list(world.templates.by_id.values()),
        hooks={w.id: _Hook(w.webhook, w.override, w.subscribed) for w in world.wabas.values()},
        standings={line.id: line.standing for line in world.ordered},
        talked={
            line.id: {who: at for who, at in line.talked.items() if at > now - WINDOW}
            for line in world.ordered
        },
        deleted=[(key, until) for key, until in world.templates.deleted.items() if until > now],
    )
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(msgspec.json.encode(snapshot))
    os.replace(beside, path)
    world.changed = False


def load(world: World, moderation: Moderation, path: Path) -> bool:
    """Whether there was something to load. Raise msgspec.MsgspecError for a file that is none of ours."""
    if not path.exists():
        return False
    snapshot = msgspec.json.decode(path.read_bytes(), type=_Snapshot)
    for account in snapshot.accounts:
        world.open_account(
            waba_id=account.waba_id,
            phone_number_id=account.phone_number_id,
            access_token=account.access_token,
            app_secret=account.app_secret,
            display_phone_number=account.display_phone_number,
        )
    for waba in world.wabas.values():
        for template in list(world.templates.of(waba.id)):
            world.templates.forget(template)
    for id, hook in snapshot.hooks.items():
        waba = world.wabas[id]
        waba.webhook, waba.override, waba.subscribed = hook.webhook, hook.override, hook.subscribed
    for line in world.ordered:
        line.standing = snapshot.standings.get(line.id, line.standing)
        line.talked = snapshot.talked.get(line.id, {})
    world.templates.deleted.update(snapshot.deleted)
    for template in snapshot.templates:
        world.templates.keep(template)
        if template.status == "PENDING":
            moderation.review(template)
    world.changed = False
    return True
