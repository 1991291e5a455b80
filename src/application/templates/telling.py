"""Saving a template, and telling the other contexts what changed."""

from collections.abc import Iterator

from tidings.application.ports.templates import Work
from tidings.domain.events import Event, TemplateChanged, TemplateStatusChanged
from tidings.domain.templates.template import Status, Template


async def save(work: Work, *pairs: tuple[Template, Template]) -> None:
    """Store each (before, after) that differs, and tell how."""
    changed = [(before, after) for before, after in pairs if before != after]
    # The deleted go first, so that their names are free for those that come back.
    await work.templates.save(*(t for _, t in changed if t.status is Status.DELETED))
    await work.templates.save(*(t for _, t in changed if t.status is not Status.DELETED))
    await work.outbox.put(*(event for pair in changed for event in _news(*pair)))


def _news(before: Template, after: Template) -> Iterator[Event]:
    if before.status is not after.status:
        yield TemplateStatusChanged(
            organization_id=after.organization_id,
            template_id=after.id,
            status=after.status,
            reason=after.reason,
        )
    content = before.components != after.components
    if content or (before.category, before.quality) != (after.category, after.quality):
        yield TemplateChanged(
            organization_id=after.organization_id,
            template_id=after.id,
            category=after.category,
            quality=after.quality,
            content=content,
        )
