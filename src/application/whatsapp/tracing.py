"""What whatsapp keeps of one person."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Raw, Struct, field

from tidings.application.ports.conversations import ConversationFilter, Entry
from tidings.application.ports.whatsapp import Begin, MessageFilter, MessageReader
from tidings.domain.kernel import ContactId, OrganizationId, PersonKey
from tidings.domain.whatsapp.conversations import Conversation
from tidings.domain.whatsapp.messages import Message

PAGE = 200


class Talk(Struct, frozen=True, kw_only=True, rename="camel"):
    """A conversation with every line of it, the newest first."""

    conversation: Conversation
    entries: list[Entry]


class Kept(Struct, kw_only=True, rename="camel"):
    """Everything of one person."""

    messages: list[Message] = field(default_factory=list[Message])
    """What was sent, from conversations and campaigns."""
    conversations: list[Talk] = field(default_factory=list[Talk])


@dataclass(frozen=True, slots=True)
class Traces:
    """Fulfils the MessageTraces port of contacts."""

    read: Begin
    reader: MessageReader

    async def of_person(
        self, organization: OrganizationId, contact: ContactId, people: Sequence[PersonKey]
    ) -> Raw:
        kept = Kept()
        for person in people:
            kept.messages += await self._messages(organization, person)
            kept.conversations += await self._talks(organization, person)
        return Raw(msgspec.json.encode(kept))

    async def _messages(self, organization: OrganizationId, person: PersonKey) -> list[Message]:
        found: list[Message] = []
        wanted, cursor = MessageFilter(person=person), None
        while True:
            page = await self.reader.page(organization, wanted, cursor=cursor, limit=PAGE)
            found += page.items
            if (cursor := page.next_cursor) is None:
                return found

    async def _talks(self, organization: OrganizationId, person: PersonKey) -> list[Talk]:
        talks: list[Talk] = []
        async with self.read() as look:
            wanted = ConversationFilter(person=person)
            found = await look.conversations.page(organization, wanted, cursor=None, limit=PAGE)
            for conversation in found.items:
                entries, cursor = list[Entry](), None
                while True:
                    page = await look.conversations.thread(conversation, cursor=cursor, limit=PAGE)
                    entries += page.items
                    if (cursor := page.next_cursor) is None:
                        break
                talks.append(Talk(conversation=conversation, entries=entries))
        return talks
