"""A bot that answers when the shop is open, and passes everything else on to people.

    pip install tidings
    python answering_bot.py http://localhost:3000 API_KEY

The same function works inside a process that has `Tidings.embedded(...)`. A message that it is
told of twice it answers once: the answer carries the message's id as its key.
"""

import asyncio
import sys

from tidings import Tidings
from tidings.application.whatsapp.threads import Answer, ConversationView, HandOff, InboundView
from tidings.domain.errors import Refused
from tidings.domain.kernel import Actor
from tidings.domain.whatsapp.content import Text

HOURS = "We are open from nine to six, Monday to Saturday."
PASSED_ON = "Somebody will answer you in a moment."


async def answer(t: Tidings, me: Actor, *, seconds: float = 3600.0) -> None:
    """Answer everybody who writes, for so many seconds."""
    async for conversation in t.conversations.watch(me, seconds=seconds):
        heard = await _unanswered(t, me, conversation)
        if heard is None:
            continue
        asks_for_hours = any(word in heard.text.lower() for word in ("open", "hours", "close"))
        said = Text(body=HOURS if asks_for_hours else PASSED_ON)
        try:
            await t.conversations.answer(me, conversation.id, Answer(content=said), once=f"bot-{heard.id}")
            if not asks_for_hours:
                await t.conversations.hand_off(me, conversation.id, HandOff(note="Not about opening hours."))
        except Refused as refused:
            # A colleague was faster, or the person said STOP.
            print(f"{conversation.id}: {refused}", file=sys.stderr)


async def _unanswered(t: Tidings, me: Actor, conversation: ConversationView) -> InboundView | None:
    """What the person wrote last, when nobody has said anything since."""
    if conversation.last_ours or conversation.handed_off:
        return None
    thread = await t.conversations.thread(me, conversation.id, limit=1)
    return thread.items[0].heard if thread.items else None


async def main(url: str, key: str) -> None:
    async with Tidings.remote(url, key) as t:
        me = await t.operator()
        while True:
            await answer(t, me)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
