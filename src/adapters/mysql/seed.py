"""The tables of the platform before ours, one database a service or all in one: read, and left alone."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from tidings.domain.errors import Invalid, Unavailable

PAGE = 1000
"""Rows read at once."""
UNKNOWN = ("1146", "1049", "1054")
"""Codes of the server for a table, a database and a column that are not there."""
SERVICES = ("user", "contact", "template", "campaign", "whatsapp")
Row: TypeAlias = Mapping[str, Any]

PEOPLE = (
    "SELECT id, first_name, last_name, email, phone, country_code, company, job_title, notes, is_favorite "
    "FROM {contact}.contacts WHERE user_id = :user AND id > :after ORDER BY id LIMIT :page"
)
MEMBERS = (
    "SELECT c.id, c.first_name, c.last_name, c.email, c.phone, c.country_code, c.company, c.job_title, "
    "c.notes, c.is_favorite FROM {contact}.contacts c JOIN {contact}.contact_groups g ON g.contact_id = c.id "
    "WHERE c.user_id = :user AND g.group_id = :group AND c.id > :after ORDER BY c.id LIMIT :page"
)
CAMPAIGN_MESSAGES = (
    "SELECT l.id, l.campaign_id, l.contact_name, l.phone_number, l.status, l.message_id AS wamid, "
    "l.error_message, l.sent_at, l.delivered_at, l.read_at, l.created_at, c.template_name, "
    "NULL AS message_type, NULL AS content "
    "FROM {campaign}.campaign_logs l JOIN {campaign}.campaigns c ON c.id = l.campaign_id "
    "WHERE c.user_id = :user AND l.id > :after ORDER BY l.id LIMIT :page"
)
MESSAGES = (
    "SELECT id, phone_number, status, meta_message_id AS wamid, error_message, sent_at, delivered_at, "
    "read_at, created_at, NULL AS template_name, message_type, content "
    "FROM {whatsapp}.messages WHERE user_id = :user AND id > :after ORDER BY id LIMIT :page"
)


class NoSuchPlatform(Invalid):
    """That server does not have the tables of the platform before ours."""


class SeedUnavailable(Unavailable):
    """The server of the platform before ours cannot be read."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A server with such tables."""

    engine: AsyncEngine
    places: Mapping[str, str]
    """The database of each service."""

    @classmethod
    def at(cls, url: str, database: str | None = None) -> "Seed":
        """At `mysql://user:password@host:port`; a name is the one database of all. Raise NoSuchPlatform."""
        try:
            made = make_url(url).set(drivername="mysql+asyncmy", database=None)
        except Exception as error:
            raise NoSuchPlatform(f"{url!r} is no address of a MySQL server.") from error
        places = {name: database or f"{name}_service" for name in SERVICES}
        return cls(create_async_engine(made, poolclass=NullPool, hide_parameters=True), places)

    async def users(self) -> Sequence[Row]:
        """Everybody there: `id`, `email`, `name`. Raise NoSuchPlatform, SeedUnavailable."""
        return await self._all("SELECT id, email, name FROM {user}.users ORDER BY id")

    async def groups(self, user: int) -> Sequence[Row]:
        """`id`, `name`, `description`."""
        wanted = "SELECT id, name, description FROM {contact}.`groups` WHERE user_id = :user ORDER BY id"
        return await self._all(wanted, user=user)

    def contacts(self, user: int, group: int | None = None) -> AsyncIterator[Sequence[Row]]:
        """Pages of people, or of a group's members; by the table of memberships, which is what people saw."""
        return self._pages(PEOPLE if group is None else MEMBERS, user=user, group=group)

    async def templates(self, user: int) -> Sequence[Row]:
        """`name`, `language` of those that Meta had approved."""
        return await self._all(
            "SELECT DISTINCT name, language FROM {template}.whatsapp_templates "
            "WHERE user_id = :user AND deleted_at IS NULL AND status = 'APPROVED' ORDER BY name, language",
            user=user,
        )

    async def campaigns(self, user: int) -> Sequence[Row]:
        """`id`, `name`, `description`, `template_name`, `group_name`, `status` and moments."""
        return await self._all(
            "SELECT id, name, description, template_name, group_name, status, started_at, created_at, "
            "updated_at "
            "FROM {campaign}.campaigns WHERE user_id = :user ORDER BY id",
            user=user,
        )

    def campaign_messages(self, user: int) -> AsyncIterator[Sequence[Row]]:
        """Pages of what campaigns sent: as `messages`, and which campaign did, with what, to whom."""
        return self._pages(CAMPAIGN_MESSAGES, user=user)

    def messages(self, user: int) -> AsyncIterator[Sequence[Row]]:
        """Pages of single messages."""
        return self._pages(MESSAGES, user=user)

    async def close(self) -> None:
        await self.engine.dispose()

    async def _pages(self, wanted: str, **values: Any) -> AsyncIterator[Sequence[Row]]:
        after = 0
        while rows := await self._all(wanted, **values, after=after, page=PAGE):
            yield rows
            after = rows[-1]["id"]

    async def _all(self, wanted: str, **values: Any) -> Sequence[Row]:
        named = wanted.format(**{name: f"`{place}`" for name, place in self.places.items()})
        used = {name: value for name, value in values.items() if f":{name}" in named}
        try:
            async with self.engine.connect() as connection:
                found = (await connection.execute(text(named), used)).mappings()
                return [cast("Row", dict(row)) for row in found]
        except DBAPIError as error:
            said = str(error.orig)
            if any(code in said for code in UNKNOWN):
                raise NoSuchPlatform(
                    f"The tables are not those of the platform before ours: {said}"
                ) from error
            raise SeedUnavailable(f"{SeedUnavailable.__doc__} {said}") from error
