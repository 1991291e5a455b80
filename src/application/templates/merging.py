"""Meta's copy of a template beside ours: what the two make together."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from tidings.application.ports.common import NewId
from tidings.application.ports.templates import RemoteTemplate
from tidings.domain.kernel import OrganizationId, TemplateId, WabaId
from tidings.domain.templates.likeness import as_written, reconciled
from tidings.domain.templates.template import News, Status, Template, whole_second

GIVEN_UP = timedelta(minutes=5)
"""After so long a submission that Meta does not know of did not arrive."""
SETTLED = timedelta(minutes=1)
"""What is younger may be missing from Meta's list for no other reason than that."""


class Changes(Struct, frozen=True, kw_only=True):
    """What a sync found: new templates, and (before, after) of those that changed."""

    created: tuple[Template, ...] = ()
    changed: tuple[tuple[Template, Template], ...] = ()

    @property
    def deleted(self) -> int:
        return sum(a.status is Status.DELETED and b.status is not Status.DELETED for b, a in self.changed)


def merged(ours: Template, remote: RemoteTemplate, at: datetime) -> Template:
    """Ours as Meta had it at `at`; its status counts unless we have heard newer news."""
    known = replace(
        ours,
        meta_template_id=remote.meta_template_id,
        next_category=remote.next_category,
        unreadable=remote.unreadable,
    )
    if remote.quality is not ours.quality:
        known = known.rate(remote.quality, at)
    if ours.updated_at <= at:
        known = _rewritten(known, remote)
    heard = known.hear(News(status=remote.status, at=at, reason=remote.reason))
    return heard if heard == ours else replace(heard, updated_at=max(at, ours.updated_at))


def _rewritten(ours: Template, remote: RemoteTemplate) -> Template:
    """With what Meta holds in writing; not when we changed it ourselves after Meta began to list."""
    ttl = remote.message_send_ttl_seconds
    return replace(
        ours,
        category=remote.category,
        components=ours.components
        if remote.unreadable
        else reconciled(remote.category, ours.components, remote.components),
        parameter_format=remote.parameter_format,
        message_send_ttl_seconds=ours.message_send_ttl_seconds if ttl is None else ttl,
    )


def adopted(
    remote: RemoteTemplate, id: TemplateId, organization: OrganizationId, waba_id: WabaId, at: datetime
) -> Template:
    """One that was made at Meta."""
    return Template(
        id=id,
        organization_id=organization,
        waba_id=waba_id,
        name=remote.name,
        language=remote.language,
        category=remote.category,
        components=as_written(remote.category, remote.components),
        parameter_format=remote.parameter_format,
        message_send_ttl_seconds=remote.message_send_ttl_seconds,
        meta_template_id=remote.meta_template_id,
        status=remote.status,
        reason=None if remote.reason == "NONE" else remote.reason,
        status_at=whole_second(at),
        quality=remote.quality,
        quality_at=at,
        next_category=remote.next_category,
        unreadable=remote.unreadable,
        created_at=at,
        updated_at=at,
    )


def compare(
    local: Sequence[Template],
    remotes: Sequence[RemoteTemplate],
    *,
    organization: OrganizationId,
    waba_id: WabaId,
    at: datetime,
    new_id: NewId,
) -> Changes:
    """All of ours beside all of Meta's, as listed from `at` on."""
    by_meta = {t.meta_template_id: t for t in local if t.meta_template_id is not None}
    by_name = {(t.name, t.language): t for t in local if t.status is not Status.DELETED}
    listed = {r.meta_template_id for r in remotes}
    changed: dict[TemplateId, tuple[Template, Template]] = {}
    for ours in local:
        after = _missing(ours, at) if ours.meta_template_id not in listed else ours
        if after != ours:
            changed[ours.id] = (ours, after)
            if after.status is Status.DELETED:
                by_name.pop((ours.name, ours.language), None)
    created: list[Template] = []
    for remote in remotes:
        holder = by_name.get((remote.name, remote.language))
        ours = by_meta.get(remote.meta_template_id)
        if ours is None and holder is not None and holder.meta_template_id is None:
            ours = holder
        if ours is None:
            if holder is None and remote.status is not Status.DELETED:
                created.append(adopted(remote, TemplateId(new_id()), organization, waba_id, at))
            continue
        if ours.status is Status.DELETED and holder is not None:
            continue
        changed[ours.id] = (ours, merged(ours, remote, at))
    return Changes(created=tuple(created), changed=tuple((b, a) for b, a in changed.values() if a != b))


def _missing(ours: Template, at: datetime) -> Template:
    """Ours, when Meta's whole list has not got it."""
    if ours.meta_template_id is None:
        if ours.status is Status.SUBMITTING and ours.updated_at < at - GIVEN_UP:
            return replace(ours, status=Status.DRAFT, reason="Meta has not got it", updated_at=at)
        return ours
    if ours.status is Status.DELETED or ours.updated_at > at - SETTLED:
        return ours
    return replace(ours.hear(News(status=Status.DELETED, at=at)), updated_at=at)
