"""Export: contacts on their way out, a page at a time, however many there are."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from tidings.application.ports.common import Now, Tables
from tidings.application.ports.contacts import ContactFilter, Reading
from tidings.domain.contacts.people import LIMITS, ContactView, camel
from tidings.domain.contacts.privacy import check_search, shown
from tidings.domain.errors import Fault, Invalid
from tidings.domain.kernel import Actor, ContactId, Permission

KINDS = ("csv", "xlsx")
BATCH = 1000
FIELDS = ("phone", "countryCode", *(camel(name) for name in LIMITS), "isFavorite", "optedOut", "groups")


@dataclass(frozen=True, slots=True)
class Exports:
    """Contacts as files."""

    reading: Reading
    tables: Tables
    now: Now

    async def export(self, actor: Actor, wanted: ContactFilter, kind: str = "csv") -> AsyncIterator[bytes]:
        """A file that `import` reads back. Raise Invalid for a kind there is not, and GroupNotFound."""
        organization = actor.require(Permission.CONTACTS_READ)
        if kind not in KINDS:
            message = f"must be one of: {', '.join(KINDS)}"
            raise Invalid("", Fault(field="format", rule="choice", message=message))
        check_search(actor, wanted.search)
        wanted = replace(wanted, at=self.now())
        async with self.reading(organization) as look:
            attributes = list(await look.attributes.all())
            await look.contacts.stream(wanted, after=None, limit=1)
        return self.tables.write(kind, [*FIELDS, *attributes], self._rows(actor, wanted, attributes))

    async def _rows(
        self, actor: Actor, wanted: ContactFilter, attributes: Sequence[str]
    ) -> AsyncIterator[Sequence[Sequence[str]]]:
        after: ContactId | None = None
        while True:
            async with self.reading(actor.organization_id) as look:
                found = await look.contacts.stream(wanted, after=after, limit=BATCH)
            if not found:
                return
            yield [_cells(shown(actor, contact), attributes) for contact in found]
            after = found[-1].id


def _cells(contact: ContactView, attributes: Sequence[str]) -> Sequence[str]:
    return [
        contact.phone or "",
        contact.country_code,
        *(getattr(contact, name) for name in LIMITS),
        "yes" if contact.is_favorite else "no",
        "yes" if contact.opted_out else "no",
        "; ".join(group.name for group in contact.groups),
        *(contact.attributes.get(key, "") for key in attributes),
    ]
