"""Attributes and segments of contacts over HTTP."""

from uuid import UUID

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from tidings.adapters.http.envelope import Done, Listing, Reply, listing, reply
from tidings.application.contacts.attributes import AttributeChange, Attributes, NewAttribute
from tidings.application.contacts.segments import NewSegment, Question, Sample, SegmentChange, Segments
from tidings.domain.contacts.attributes import Attribute
from tidings.domain.contacts.people import ContactView
from tidings.domain.contacts.segments import Segment, SegmentId
from tidings.domain.kernel import Actor, Permission

READ, WRITE = Permission.CONTACTS_READ, Permission.CONTACTS_WRITE


class AttributeController(Controller):
    path = "/api/contacts/attributes"
    tags = ["Contacts"]

    @get("/", permission=READ)
    async def list_all(
        self, actor: NamedDependency[Actor], attributes: NamedDependency[Attributes]
    ) -> Reply[list[Attribute]]:
        """The attributes that contacts can have, in order of their names."""
        return reply(list(await attributes.all(actor)))

    @post("/", permission=WRITE)
    async def define(
        self,
        actor: NamedDependency[Actor],
        attributes: NamedDependency[Attributes],
        data: JSONBody[NewAttribute],
    ) -> Reply[Attribute]:
        """Define an attribute: text, number, date, choice or yes/no."""
        return reply(await attributes.define(actor, data), "Attribute defined")

    @put("/{key:str}", permission=WRITE)
    async def change(
        self,
        actor: NamedDependency[Actor],
        attributes: NamedDependency[Attributes],
        key: FromPath[str],
        data: JSONBody[AttributeChange],
    ) -> Reply[Attribute]:
        """Change an attribute; all its values must fit."""
        return reply(await attributes.change(actor, key, data), "Attribute changed")

    @delete("/{key:str}", permission=WRITE, status_code=200)
    async def remove(
        self, actor: NamedDependency[Actor], attributes: NamedDependency[Attributes], key: FromPath[str]
    ) -> Done:
        """Remove an attribute with all its values."""
        await attributes.remove(actor, key)
        return Done(message="Attribute removed")


class SegmentController(Controller):
    path = "/api/segments"
    tags = ["Contacts"]

    @post("/", permission=WRITE)
    async def add(
        self, actor: NamedDependency[Actor], segments: NamedDependency[Segments], data: JSONBody[NewSegment]
    ) -> Reply[Segment]:
        """Save a rule. The segment's id may stand wherever a group's may."""
        return reply(await segments.add(actor, data), "Segment saved")

    @post("/try", permission=WRITE, status_code=200)
    async def try_out(
        self,
        actor: NamedDependency[Actor],
        segments: NamedDependency[Segments],
        data: JSONBody[Question],
        limit: FromQuery[int] = 5,
    ) -> Reply[Sample]:
        """How many people a rule chooses, before it is saved, and some of them."""
        return reply(await segments.try_out(actor, data.rule, limit=limit))

    @get("/", permission=READ)
    async def page(
        self,
        actor: NamedDependency[Actor],
        segments: NamedDependency[Segments],
        cursor: FromQuery[str | None] = None,
        page: FromQuery[int | None] = None,
        limit: FromQuery[int] = 50,
    ) -> Listing[Segment]:
        """List segments, newest first."""
        number = page if cursor is not None or page is not None else 1
        found = await segments.page(actor, cursor=cursor, limit=limit, number=number)
        return listing(found, limit=limit, number=number)

    @get("/{id:uuid}", permission=READ)
    async def one(
        self, actor: NamedDependency[Actor], segments: NamedDependency[Segments], id: FromPath[UUID]
    ) -> Reply[Segment]:
        """One segment."""
        return reply(await segments.get(actor, SegmentId(id)))

    @put("/{id:uuid}", permission=WRITE)
    async def change(
        self,
        actor: NamedDependency[Actor],
        segments: NamedDependency[Segments],
        id: FromPath[UUID],
        data: JSONBody[SegmentChange],
    ) -> Reply[Segment]:
        """Change the fields that are given."""
        return reply(await segments.change(actor, SegmentId(id), data), "Segment changed")

    @delete("/{id:uuid}", permission=WRITE, status_code=200)
    async def remove(
        self, actor: NamedDependency[Actor], segments: NamedDependency[Segments], id: FromPath[UUID]
    ) -> Done:
        """Delete a segment; nobody is touched."""
        await segments.remove(actor, SegmentId(id))
        return Done(message="Segment deleted")

    @get("/{id:uuid}/contacts", permission=READ)
    async def members(
        self,
        actor: NamedDependency[Actor],
        segments: NamedDependency[Segments],
        id: FromPath[UUID],
        cursor: FromQuery[str | None] = None,
        page: FromQuery[int | None] = None,
        limit: FromQuery[int] = 50,
    ) -> Listing[ContactView]:
        """Whom the segment chooses now, newest first."""
        number = page if cursor is not None or page is not None else 1
        found = await segments.members(actor, SegmentId(id), cursor=cursor, limit=limit, number=number)
        return listing(found, limit=limit, number=number)
