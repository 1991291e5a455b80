"""People: what becomes of a message to them. The seed and the number decide, so a run can be repeated."""

from enum import StrEnum
from typing import NamedTuple

from tidings.adapters.sandbox.dice import Dice
from tidings.adapters.sandbox.settings import Behaviour


class Fate(StrEnum):
    """What a person does with messages."""

    READS = "reads"
    NEVER_READS = "never_reads"
    ANSWERS = "answers"
    SAYS_STOP = "says_stop"
    NOT_ON_WHATSAPP = "not_on_whatsapp"
    EXPERIMENT = "experiment"
    STOPPED_MARKETING = "stopped_marketing"


_ORDER = (
    Fate.NOT_ON_WHATSAPP,
    Fate.EXPERIMENT,
    Fate.STOPPED_MARKETING,
    Fate.NEVER_READS,
    Fate.ANSWERS,
    Fate.SAYS_STOP,
)
_NAMES = (
    "Rowan",
    "Amara",
    "Jonas",
    "Mei",
    "Tomás",
    "Aylin",
    "Zoë",
    "Kwame",
    "Ingrid",
    "Ravi",
    "Noor",
    "Łukasz",
)
_ANSWERS = ("Thanks!", "Yes please", "How much is it?", "👍", "Danke schön", "Not now")
_COUNTRIES = {
    "1": "US", "27": "ZA", "31": "NL", "33": "FR", "34": "ES", "39": "IT", "44": "GB", "49": "DE",
    "52": "MX", "54": "AR", "55": "BR", "61": "AU", "62": "ID", "65": "SG", "81": "JP", "90": "TR",
    "91": "IN", "234": "NG", "254": "KE", "966": "SA", "971": "AE",
}  # fmt: skip


class Person(NamedTuple):
    """Somebody with a phone."""

    fate: Fate
    name: str
    user_id: str
    """The business-scoped id."""
    answer: str
    chances: tuple[float, ...]
    """Of the delays: sent, delivered, read, answer."""
    phone: str
    """WhatsApp's id of the number; empty when only the business-scoped id is known."""
    hidden: bool = False
    """The number is not told to businesses."""

    @property
    def shown(self) -> str:
        return "" if self.hidden else self.phone


class People:
    """Everybody in the world, made up as they are needed."""

    def __init__(self, dice: Dice, behaviour: Behaviour, *, rewrite: bool = True) -> None:
        self._dice = dice
        self._rewrite = rewrite
        self.behaviour = behaviour
        self._known: dict[str, str] = {}
        """Phones by business-scoped id."""
        self._hidden: set[str] = set()
        self._fates: dict[str, Fate] = {}
        """People who were given their part."""
        self._answers: dict[str, str] = {}

    def give(self, phone: str, fate: Fate | None, answer: str | None) -> None:
        """Say what a person does; without a fate, chance decides again."""
        phone = self._canonical(phone)
        self._fates.pop(phone, None)
        self._answers.pop(phone, None)
        if fate is not None:
            self._fates[phone] = fate
        if answer is not None:
            self._answers[phone] = answer

    def hide(self, phone: str, *, hidden: bool) -> None:
        """Let a person's number be told or not."""
        phone = self.meet(phone).phone
        (self._hidden.add if hidden else self._hidden.discard)(phone)

    def meet(self, phone: str) -> Person:
        """Somebody who can from now on be addressed by the business-scoped id."""
        person = self.person(phone)
        self._known[person.user_id] = person.phone
        return person

    def person(self, address: str) -> Person:
        """Who has a phone number as it is dialled, or a business-scoped id."""
        if address.isdecimal():
            return self._of(self._canonical(address))
        if phone := self._known.get(address):
            return self._of(phone)
        return self._of(address)._replace(user_id=address, phone="")

    def _canonical(self, phone: str) -> str:
        return wa_id(phone) if self._rewrite else phone

    def _of(self, phone: str) -> Person:
        chances = self._dice.roll(phone)
        fate = self._fates.get(phone) or self._fate(chances[0])
        pick = chances[5]
        answer = self._answers.get(phone) or _ANSWERS[int(chances[6] * len(_ANSWERS))]
        return Person(
            fate,
            _NAMES[int(pick * len(_NAMES))],
            f"{_country(phone)}.{int(chances[7] * 1e9):09d}{int(pick * 1e9):09d}",
            "STOP" if fate is Fate.SAYS_STOP else answer,
            chances[1:5],
            phone,
            phone in self._hidden,
        )

    def _fate(self, chance: float) -> Fate:
        b = self.behaviour
        shares = (b.not_on_whatsapp, b.experiment, b.stopped_marketing, b.never_reads, b.answers, b.says_stop)
        for fate, share in zip(_ORDER, shares, strict=True):
            if chance < share:
                return fate
            chance -= share
        return Fate.READS


def wa_id(phone: str) -> str:
    """WhatsApp's id for a number (fact sheet 10): three countries have an extra digit that comes or goes."""
    country, length = phone[:2], len(phone)
    if country == "55" and length == 13 and phone[4] == "9" and not "11" <= phone[2:4] <= "28":
        return phone[:4] + phone[5:]
    if country == "52" and length == 12:
        return "521" + phone[2:]
    if country == "54" and length == 12 and phone[2] != "9":
        return "549" + phone[2:]
    return phone


def _country(phone: str) -> str:
    for length in (1, 2, 3):
        if found := _COUNTRIES.get(phone[:length]):
            return found
    return "GB"
