"""What becomes of a message after it was accepted: sent, delivered, read and answered, or failed."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from tidings.adapters.sandbox.accounts import Line
from tidings.adapters.sandbox.ids import Wamids
from tidings.adapters.sandbox.ledger import CATEGORIES, Accepted, Ledger, Step
from tidings.adapters.sandbox.limits import TIERS
from tidings.adapters.sandbox.payloads import Item, Said, contact, conversation, pricing, status
from tidings.adapters.sandbox.people import People, Person
from tidings.adapters.sandbox.prices import Price, priced
from tidings.adapters.sandbox.settings import Fate, SandboxSettings

Later: TypeAlias = Callable[[float, int, int], None]
"""Lets a message come to a step at a moment."""
Answer: TypeAlias = Callable[[float, Line, Accepted, str], None]
"""Lets a person answer a message at a moment."""

WINDOW = 86400.0
"""Seconds after a person's message in which free text may be sent."""
_NAMES_CONVERSATIONS = 23
_DETAILS = {
    131009: "The message to react to was not found.",
    131026: "Message undeliverable.",
    130472: "This message was not sent because the user is part of an experiment.",
    131042: "Message failed to send because there were one or more errors related to your payment method.",
    131047: "Message failed to send because more than 24 hours have passed since the customer last replied.",
    131048: "Message failed to send because there are restrictions on how many messages can be sent.",
    131049: "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
    131050: "The user has stopped receiving marketing messages from this business.",
    131053: "The file could not be fetched from the link.",
    132015: "The template was paused while its quality was assessed.",
}


class Odd(NamedTuple):
    """What is special about a message."""

    fails: int = 0
    """The code with which it fails."""
    reaction: bool = False
    """It is never said to be delivered."""
    voice: bool = False
    """Who reads it plays it."""


class Journeys:
    """The steps of messages, and what is told of them."""

    def __init__(
        self,
        settings: SandboxSettings,
        people: People,
        ledger: Ledger,
        lines: list[Line],
        wamids: Wamids,
        later: Later,
        answer: Answer,
    ) -> None:
        self._settings = settings
        self._people = people
        self._ledger = ledger
        self._lines = lines
        self._wamids = wamids
        self._later = later
        self._answer = answer
        self._odd: dict[int, Odd] = {}
        self._prices: dict[int, Price] = {}
        """Of messages that do not cost what their category costs."""
        self._stopped: set[tuple[int, str]] = set()
        self._named = settings.webhook_version <= _NAMES_CONVERSATIONS

    def begin(self, n: int, person: Person, now: float, odd: Odd | None = None) -> None:
        """A message was accepted and sets out."""
        if odd is not None:
            self._odd[n] = odd
        self._later(now + self._people.wait(person, 0), n, Step.SENT)

    def drop(self, n: int, now: float) -> None:
        """A message that was held will not be sent."""
        person = self._people.person(self._ledger.get(n).to)
        self._later(now + self._people.wait(person, 0), n, Step.FAILED)

    def step(self, n: int, step: int, at: float) -> Item:
        """A message comes to a step, and the next is on its way."""
        message = self._ledger.get(n)
        line = self._lines[message.line]
        person = self._people.person(message.to)
        if step == Step.FAILED:
            return self._failed(n, message, person, at, 132015)
        cost = ""
        if step == Step.SENT:
            odd = self._odd.get(n)
            if error := self._error(odd, message, line, person, at):
                self._odd.pop(n, None)
                return self._failed(n, message, person, at, error)
            cost = self._cost(n, self._agree(n, message, line, person, at), sent=True)
            if odd is None or not odd.reaction:
                self._later(at + self._people.wait(person, 1), n, Step.DELIVERED)
        elif step == Step.DELIVERED:
            plain = Price("regular", CATEGORIES[message.category])
            cost = self._cost(n, self._prices.pop(n, plain), sent=False)
            if person.fate is not Fate.NEVER_READS:
                self._later(at + self._people.wait(person, 2), n, Step.READ)
        elif step == Step.READ:
            self._after_reading(n, message, line, person, at)
        return self._told(n, message, person, Step(step), at, cost)

    def in_window(self, line: Line, person: Person, at: float) -> bool:
        return at - line.talked.get(person.user_id, -WINDOW) < WINDOW

    def _agree(self, n: int, message: Accepted, line: Line, person: Person, at: float) -> Price:
        """What it will cost; the webhook that tells of its delivery says the same."""
        category = CATEGORIES[message.category]
        window = self.in_window(line, person, at)
        allowance = self._settings.free_service_messages
        price = priced(line, person, category, at, in_window=window, allowance=allowance)
        if price.free:
            self._prices[n] = price
        return price

    def _cost(self, n: int, price: Price, *, sent: bool) -> str:
        said = pricing(price)
        if self._named or price.ends:
            id = self._wamids.conversation(n)
            said = conversation(id, price, sent=sent) + said
        return said

    def _failed(self, n: int, message: Accepted, person: Person, at: float, error: int) -> Item:
        return self._told(n, message, person, Step.FAILED, at, error=error)

    def _told(
        self, n: int, message: Accepted, person: Person, step: Step, at: float, cost: str = "", error: int = 0
    ) -> Item:
        line = self._lines[message.line]
        wamid = self._wamids.outbound(message.to, n)
        details = _DETAILS.get(error, "The message was not delivered.")
        said = Said(wamid, message.callback, step, int(at), cost, error, details)
        who = None if error else contact(person)
        return Item(line.waba, line, "statuses", status(said, person), who, n, step)

    def _error(self, odd: Odd | None, message: Accepted, line: Line, person: Person, at: float) -> int:
        """Why Meta does not deliver, or 0."""
        if found := person.script.fails_with or line.waba.fails or (odd.fails if odd else 0):
            return found
        if person.fate is Fate.NOT_ON_WHATSAPP:
            return 131026
        in_window = self.in_window(line, person, at)
        if CATEGORIES[message.category].startswith("marketing"):
            if error := self._unwanted(line, person, at, in_window=in_window):
                return error
        elif not message.category and self._settings.service_window and not in_window:
            return 131047
        most = TIERS.get(line.standing.tier)
        if most is not None and not in_window and not line.waba.reach.may(person.user_id, most, at):
            return 131048
        return 0

    def _unwanted(self, line: Line, person: Person, at: float, *, in_window: bool) -> int:
        """Why marketing does not reach a person, or 0."""
        if person.fate is Fate.EXPERIMENT:
            return 130472
        if person.fate is Fate.STOPPED_MARKETING:
            return 131050
        if not self._settings.us_marketing and person.phone.startswith("1"):
            return 131049
        most = self._settings.marketing_a_day
        if most is not None and not in_window and not line.waba.marketing.may(person.user_id, most, at):
            return 131049
        return 0

    def _after_reading(self, n: int, message: Accepted, line: Line, person: Person, at: float) -> None:
        odd = self._odd.pop(n, None)
        if odd is not None and odd.voice:
            self._later(at + self._people.wait(person, 2), n, Step.PLAYED)
        if not message.template or person.fate not in (Fate.SAYS_STOP, Fate.ANSWERS):
            return
        if person.fate is Fate.SAYS_STOP:
            if (line.index, person.user_id) in self._stopped:
                return
            self._stopped.add((line.index, person.user_id))
        self._answer(at + self._people.wait(person, 3), line, message, person.answer)
