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


class People:
    """Everybody in the world, made up as they are needed."""

    def __init__(self, dice: Dice, behaviour: Behaviour) -> None:
        self._dice = dice
        self.behaviour = behaviour
        self._fates: dict[str, Fate] = {}
        """People who were given their part."""
        self._answers: dict[str, str] = {}

    def give(self, phone: str, fate: Fate | None, answer: str | None) -> None:
        """Say what a person does; without a fate, chance decides again."""
        self._fates.pop(phone, None)
        self._answers.pop(phone, None)
        if fate is not None:
            self._fates[phone] = fate
        if answer is not None:
            self._answers[phone] = answer

    def person(self, phone: str) -> Person:
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
        )

    def _fate(self, chance: float) -> Fate:
        b = self.behaviour
        shares = (b.not_on_whatsapp, b.experiment, b.stopped_marketing, b.never_reads, b.answers, b.says_stop)
        for fate, share in zip(_ORDER, shares, strict=True):
            if chance < share:
                return fate
            chance -= share
        return Fate.READS


def _country(phone: str) -> str:
    for length in (1, 2, 3):
        if found := _COUNTRIES.get(phone[:length]):
            return found
    return "GB"
