"""Saving a template, and telling the other contexts when its standing changed."""

from tidings.application.ports.templates import Work
from tidings.domain.events import TemplateStatusChanged
from tidings.domain.templates.template import Status, Template


async def save(work: Work, *pairs: tuple[Template, Template]) -> None:
    """Store each (before, after) that differs; every changed status becomes an event."""
    changed = [(before, after) for before, after in pairs if before != after]
    # The deleted go first, so that their names are free for those that come back.
    await work.templates.save(*(t for _, t in changed if t.status is Status.DELETED))
    await work.templates.save(*(t for _, t in changed if t.status is not Status.DELETED))
    await work.outbox.put(
        *(
            TemplateStatusChanged(
                organization_id=after.organization_id,
                template_id=after.id,
                status=after.status,
                reason=after.reason,
            )
            for before, after in changed
            if before.status is not after.status
        )
    )
