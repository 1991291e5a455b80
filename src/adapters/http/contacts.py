"""Contacts and groups over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Struct

from tidings.adapters.http.envelope import Done, Listing, Reply, listing, reply
from tidings.application.contacts.consent import Consent, Suppressed, Suppression, WishTold
from tidings.application.contacts.groups import GroupChange, Groups, Members, NewGroup
from tidings.application.contacts.identities import Identities, MergeView, MergeWith
from tidings.application.contacts.people import ContactChange, Contacts, NewContact
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts.consent import MARKETING, ConsentEntry, Standing
from tidings.domain.contacts.groups import Group, Membership
from tidings.domain.contacts.identities import MergeId
from tidings.domain.contacts.people import ContactView
from tidings.domain.contacts.wishes import Wish
from tidings.domain.kernel import Actor, ContactId, GroupId, Permission

READ, WRITE = Permission.CONTACTS_READ, Permission.CONTACTS_WRITE
CHUNK = 1 << 18


class Assignment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Contacts, and the group to put them into or to take them out of."""

    contact_ids: list[ContactId]
    group_id: GroupId


GroupQuery = Annotated[GroupId | None, QueryParameter(name="groupId")]
OptedOutQuery = Annotated[bool | None, QueryParameter(name="optedOut")]


class GroupName(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a group is called."""

    name: str


class ContactController(Controller):
    path = "/api/contacts"
    tags = ["Contacts"]

    @post("/", permission=WRITE)
    async def add(
        self, actor: NamedDependency[Actor], contacts: NamedDependency[Contacts], data: JSONBody[NewContact]
    ) -> Reply[ContactView]:
        """Add a contact. Only the phone number is needed."""
        return reply(await contacts.add(actor, data), "Contact created")

    @get("/", permission=READ, cached=("contacts", 300))
    async def page(
        self,
        actor: NamedDependency[Actor],
        contacts: NamedDependency[Contacts],
        search: FromQuery[str] = "",
        favorite: FromQuery[bool | None] = None,
        group_id: GroupQuery = None,
        opted_out: OptedOutQuery = None,
        cursor: FromQuery[str | None] = None,
        page: FromQuery[int | None] = None,
        limit: FromQuery[int] = 10,
    ) -> Listing[ContactView]:
        """List contacts, newest first. `page` also counts; `cursor` goes as deep as there are contacts."""
        wanted = ContactFilter(search=search, favorite=favorite, group_id=group_id, opted_out=opted_out)
        number = page if cursor is not None or page is not None else 1
        found = await contacts.page(
            actor, wanted, cursor=cursor, limit=limit, number=number, thorough=page is not None
        )
        return listing(found, limit=limit, number=number)

    @get("/{id:uuid}", permission=READ, cached=("contacts", 600))
    async def one(
        self, actor: NamedDependency[Actor], contacts: NamedDependency[Contacts], id: FromPath[ContactId]
    ) -> Reply[ContactView]:
        """One contact, with its groups."""
        return reply(await contacts.get(actor, id))

    @put("/{id:uuid}", permission=WRITE)
    async def change(
        self,
        actor: NamedDependency[Actor],
        contacts: NamedDependency[Contacts],
        id: FromPath[ContactId],
        data: JSONBody[ContactChange],
    ) -> Reply[ContactView]:
        """Change the fields that are given."""
        return reply(await contacts.change(actor, id, data), "Contact updated")

    @delete("/{id:uuid}", permission=WRITE, status_code=200)
    async def remove(
        self, actor: NamedDependency[Actor], contacts: NamedDependency[Contacts], id: FromPath[ContactId]
    ) -> Done:
        """Delete a contact."""
        await contacts.remove(actor, id)
        return Done(message="Contact deleted")

    @put("/{id:uuid}/favorite", permission=WRITE)
    async def favor(
        self, actor: NamedDependency[Actor], contacts: NamedDependency[Contacts], id: FromPath[ContactId]
    ) -> Reply[ContactView]:
        """Mark as favourite."""
        return reply(await contacts.favorite(actor, id, True))

    @post("/{id:uuid}/favorite", permission=WRITE, status_code=200)
    async def favor_too(
        self, actor: NamedDependency[Actor], contacts: NamedDependency[Contacts], id: FromPath[ContactId]
    ) -> Reply[ContactView]:
        """Mark as favourite."""
        return reply(await contacts.favorite(actor, id, True))

    @delete("/{id:uuid}/favorite", permission=WRITE, status_code=200)
    async def disfavor(
        self, actor: NamedDependency[Actor], contacts: NamedDependency[Contacts], id: FromPath[ContactId]
    ) -> Reply[ContactView]:
        """Mark as no favourite."""
        return reply(await contacts.favorite(actor, id, False))

    @patch("/{id:uuid}/favorite", permission=WRITE)
    async def toggle_favorite(
        self, actor: NamedDependency[Actor], contacts: NamedDependency[Contacts], id: FromPath[ContactId]
    ) -> Reply[ContactView]:
        """Turn a favourite into none, and the other way round."""
        return reply(await contacts.favorite(actor, id))

    @post("/{id:uuid}/opt-out", permission=WRITE, status_code=200)
    async def opt_out(
        self,
        actor: NamedDependency[Actor],
        consent: NamedDependency[Consent],
        id: FromPath[ContactId],
        data: JSONBody[WishTold | None] = None,
    ) -> Reply[ContactView]:
        """Stop marketing to a contact."""
        return reply(await consent.note(actor, id, Wish.STOP, data or WishTold()), "Contact opted out")

    @post("/{id:uuid}/opt-in", permission=WRITE, status_code=200)
    async def opt_in(
        self,
        actor: NamedDependency[Actor],
        consent: NamedDependency[Consent],
        id: FromPath[ContactId],
        data: JSONBody[WishTold | None] = None,
    ) -> Reply[ContactView]:
        """Note that a contact wants to hear from the business again."""
        return reply(await consent.note(actor, id, Wish.START, data or WishTold()), "Contact opted in")

    @get("/{id:uuid}/consent", permission=READ)
    async def ledger(
        self,
        actor: NamedDependency[Actor],
        consent: NamedDependency[Consent],
        id: FromPath[ContactId],
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[int] = 50,
    ) -> Listing[ConsentEntry]:
        """All that a contact ever wished, newest first, with source, time and proof."""
        return listing(await consent.ledger(actor, id, cursor=cursor, limit=limit), limit=limit)

    @post("/{id:uuid}/merge", permission=WRITE, status_code=200)
    async def merge(
        self,
        actor: NamedDependency[Actor],
        identities: NamedDependency[Identities],
        id: FromPath[ContactId],
        data: JSONBody[MergeWith],
    ) -> Reply[ContactView]:
        """Make two contacts one; the older stays. It can be undone."""
        return reply(await identities.merge(actor, id, data), "Contacts merged")

    @get("/{id:uuid}/merges", permission=READ)
    async def merges(
        self, actor: NamedDependency[Actor], identities: NamedDependency[Identities], id: FromPath[ContactId]
    ) -> Reply[list[MergeView]]:
        """The merges of a contact, newest first, undone ones too."""
        return reply(list(await identities.history(actor, id)))

    @post("/merges/{merge_id:uuid}/undo", permission=WRITE, status_code=200)
    async def undo_merge(
        self, actor: NamedDependency[Actor], identities: NamedDependency[Identities], merge_id: FromPath[UUID]
    ) -> Reply[ContactView]:
        """Make a merged contact two again; what was edited since stays with the kept one."""
        return reply(await identities.undo(actor, MergeId(merge_id)), "Contacts parted")

    @get("/suppressions", permission=READ)
    async def suppressions(
        self,
        actor: NamedDependency[Actor],
        consent: NamedDependency[Consent],
        topic: FromQuery[str] = MARKETING,
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[int] = 50,
    ) -> Listing[Standing]:
        """Everybody who is to get no marketing, or nothing on another topic, contacts or not."""
        found = await consent.suppressed(actor, topic=topic, cursor=cursor, limit=limit)
        return listing(found, limit=limit)

    @post("/suppressions", permission=WRITE, status_code=200)
    async def suppress(
        self, actor: NamedDependency[Actor], consent: NamedDependency[Consent], data: JSONBody[Suppression]
    ) -> Reply[Suppressed]:
        """Put numbers on the list of those who get no marketing."""
        return reply(await consent.suppress(actor, data))

    @delete("/suppressions", permission=WRITE, status_code=200)
    async def unsuppress(
        self, actor: NamedDependency[Actor], consent: NamedDependency[Consent], data: JSONBody[Suppression]
    ) -> Reply[Suppressed]:
        """Take numbers off that list."""
        return reply(await consent.suppress(actor, data, Wish.START))

    @post("/assign-to-group", permission=WRITE, status_code=200)
    async def assign(
        self, actor: NamedDependency[Actor], groups: NamedDependency[Groups], data: JSONBody[Assignment]
    ) -> Reply[Membership]:
        """Put contacts into a group."""
        done = await groups.put_in(actor, data.group_id, data.contact_ids)
        return reply(done, "Contacts assigned to group")

    @post("/remove-from-group", permission=WRITE, status_code=200)
    async def unassign(
        self, actor: NamedDependency[Actor], groups: NamedDependency[Groups], data: JSONBody[Assignment]
    ) -> Reply[Membership]:
        """Take contacts out of a group."""
        done = await groups.take_out(actor, data.group_id, data.contact_ids)
        return reply(done, "Contacts removed from group")


class GroupController(Controller):
    path = "/api/groups"
    tags = ["Groups"]

    @post("/", permission=WRITE)
    async def add(
        self, actor: NamedDependency[Actor], groups: NamedDependency[Groups], data: JSONBody[NewGroup]
    ) -> Reply[Group]:
        """Make a group."""
        return reply(await groups.add(actor, data), "Group created")

    @put("/", permission=WRITE)
    async def ensure(
        self, actor: NamedDependency[Actor], groups: NamedDependency[Groups], data: JSONBody[GroupName]
    ) -> Reply[Group]:
        """The group of this name, which is made when there is none."""
        return reply(await groups.ensure(actor, data.name))

    @get("/", permission=READ, cached=("contacts", 300))
    async def page(
        self,
        actor: NamedDependency[Actor],
        groups: NamedDependency[Groups],
        search: FromQuery[str] = "",
        cursor: FromQuery[str | None] = None,
        page: FromQuery[int | None] = None,
        limit: FromQuery[int] = 50,
    ) -> Listing[Group]:
        """List groups with their exact counts, newest first."""
        number = page if cursor is not None or page is not None else 1
        found = await groups.page(actor, search, cursor=cursor, limit=limit, number=number)
        return listing(found, limit=limit, number=number)

    @get("/{id:uuid}", permission=READ, cached=("contacts", 600))
    async def one(
        self, actor: NamedDependency[Actor], groups: NamedDependency[Groups], id: FromPath[GroupId]
    ) -> Reply[Group]:
        """One group; its members are at `/api/groups/{id}/contacts`."""
        return reply(await groups.get(actor, id))

    @put("/{id:uuid}", permission=WRITE)
    async def change(
        self,
        actor: NamedDependency[Actor],
        groups: NamedDependency[Groups],
        id: FromPath[GroupId],
        data: JSONBody[GroupChange],
    ) -> Reply[Group]:
        """Change the fields that are given."""
        return reply(await groups.change(actor, id, data), "Group updated")

    @delete("/{id:uuid}", permission=WRITE, status_code=200)
    async def remove(
        self, actor: NamedDependency[Actor], groups: NamedDependency[Groups], id: FromPath[GroupId]
    ) -> Done:
        """Delete a group; its members stay contacts."""
        await groups.remove(actor, id)
        return Done(message="Group deleted; its members are kept")

    @get("/{id:uuid}/contacts", permission=READ)
    async def members(
        self,
        actor: NamedDependency[Actor],
        contacts: NamedDependency[Contacts],
        id: FromPath[GroupId],
        search: FromQuery[str] = "",
        cursor: FromQuery[str | None] = None,
        page: FromQuery[int | None] = None,
        limit: FromQuery[int] = 50,
    ) -> Listing[ContactView]:
        """The members of a group, newest first."""
        number = page if cursor is not None or page is not None else 1
        wanted = ContactFilter(search=search, group_id=id)
        found = await contacts.page(actor, wanted, cursor=cursor, limit=limit, number=number)
        return listing(found, limit=limit, number=number)

    @post("/{id:uuid}/contacts", permission=WRITE, status_code=200)
    async def put_in(
        self,
        actor: NamedDependency[Actor],
        groups: NamedDependency[Groups],
        id: FromPath[GroupId],
        data: JSONBody[Members],
    ) -> Reply[Membership]:
        """Put contacts into a group."""
        return reply(await groups.put_in(actor, id, data.contact_ids))

    @delete("/{id:uuid}/contacts", permission=WRITE, status_code=200)
    async def take_out(
        self,
        actor: NamedDependency[Actor],
        groups: NamedDependency[Groups],
        id: FromPath[GroupId],
        data: JSONBody[Members],
    ) -> Reply[Membership]:
        """Take contacts out of a group."""
        return reply(await groups.take_out(actor, id, data.contact_ids))
