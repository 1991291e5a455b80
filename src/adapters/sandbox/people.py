"""People: what becomes of a message to them. The seed and the number decide, so a run can be repeated."""

from collections.abc import Mapping
from typing import NamedTuple

from tidings.adapters.sandbox.dice import Dice, between
from tidings.adapters.sandbox.settings import NO_SCRIPT, Behaviour, Fate, Script

_ORDER = (
    Fate.NOT_ON_WHATSAPP,
    Fate.EXPERIMENT,
    Fate.STOPPED_MARKETING,
    Fate.NEVER_READS,
    Fate.ANSWERS,
    Fate.SAYS_STOP,
)
_NAMES = (
    "Rowan", "Amara", "Jonas", "Mei", "Tomás", "Aylin", "Zoë", "Kwame", "Ingrid", "Ravi", "Noor", "Łukasz",
)  # fmt: skip
_ANSWERS = ("Thanks!", "Yes please", "How much is it?", "👍", "Danke schön", "Not now")
_COUNTRIES = {
    "1": "US", "27": "ZA", "31": "NL", "33": "FR", "34": "ES", "39": "IT", "44": "GB", "49": "DE",
    "52": "MX", "54": "AR", "55": "BR", "61": "AU", "62": "ID", "65": "SG", "81": "JP", "90": "TR",
    "91": "IN", "234": "NG", "254": "KE", "966": "SA", "971": "AE",
}  # fmt: skip


_IDS = 10**18
_FACTOR = 618_033_988_749_894_847
_INVERSE = pow(_FACTOR, -1, _IDS)


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
    script: Script = NO_SCRIPT

    @property
    def shown(self) -> str:
        """The number, if businesses are told it."""
        return "" if self.script.hides_phone else self.phone


class People:
    """Everybody in the world, made up as they are needed."""

    def __init__(
        self,
        dice: Dice,
        behaviour: Behaviour,
        endings: Mapping[str, Script] | None = None,
        *,
        rewrite: bool = True,
    ) -> None:
        self._dice = dice
        self._rewrite = rewrite
        self._offset = int(dice.number("people", 18))
        self.behaviour = behaviour
        self._scripts: dict[str, Script] = {}
        """Of those who were given their part, by phone."""
        self._endings: dict[str, Script] = {}
        for ending, script in (endings or {}).items():
            self.give_ending(ending, script)

    def script(self, phone: str) -> Script:
        """The part that somebody was given, if any."""
        return self._scripts.get(self._canonical(phone), NO_SCRIPT)

    def give(self, phone: str, script: Script) -> Person:
        """Say what a person does; without a script, chance decides again."""
        self._scripts.pop(self._canonical(phone), None)
        if script != NO_SCRIPT:
            self._scripts[self._canonical(phone)] = script
        return self.person(phone)

    def give_ending(self, ending: str, script: Script) -> None:
        """The same for everybody whose number ends so. The longest ending counts."""
        self._endings.pop(ending, None)
        if script != NO_SCRIPT:
            self._endings[ending] = script
        self._endings = dict(sorted(self._endings.items(), key=lambda each: -len(each[0])))

    def person(self, address: str) -> Person:
        """Who has a phone number as it is dialled, or a business-scoped id."""
        if address.isdecimal():
            return self._of(self._canonical(address))
        if phone := self._phone_of(address):
            return self._of(phone)
        return self._of(address)._replace(user_id=address, phone="")

    def user_id(self, phone: str) -> str:
        """The business-scoped id. The number can be had back from it, by nobody but us."""
        if not phone.isdecimal():
            return phone
        return f"{_country(phone)}.{(int(phone) * _FACTOR + self._offset) % _IDS:018d}"

    def wait(self, person: Person, step: int) -> float:
        """Seconds until the message is sent (0), delivered, read, answered (3), each after the one before."""
        script = person.script
        if script is not NO_SCRIPT:
            said = (script.sent, script.delivered, script.read, script.answers_after)[step]
            if said is not None:
                return said
        b = self.behaviour
        return between((b.sent, b.delivered, b.read, b.answer)[step], person.chances[step])

    def _phone_of(self, user_id: str) -> str | None:
        id = user_id[3:]
        if not (len(id) == 18 and id.isdecimal()):
            return None
        phone = str((int(id) - self._offset) * _INVERSE % _IDS)
        return phone if len(phone) <= 15 and self.user_id(phone) == user_id else None

    def _canonical(self, phone: str) -> str:
        return wa_id(phone) if self._rewrite else phone

    def _script_of(self, phone: str) -> Script:
        if script := self._scripts.get(phone):
            return script
        return next((s for ending, s in self._endings.items() if phone.endswith(ending)), NO_SCRIPT)

    def _of(self, phone: str) -> Person:
        chances = self._dice.roll(phone)
        script = self._script_of(phone) if self._scripts or self._endings else NO_SCRIPT
        fate = script.fate or self._fate(chances[0])
        answer = script.answer or _ANSWERS[int(chances[6] * len(_ANSWERS))]
        return Person(
            fate,
            _NAMES[int(chances[5] * len(_NAMES))],
            self.user_id(phone),
            "STOP" if fate is Fate.SAYS_STOP else answer,
            chances[1:5],
            phone,
            script,
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
