"""Which encoding a text is in: the one in which its words are words of some language.

UTF-8 and the UTF-16s give themselves away. Of the old one-byte encodings several fit any text, so each is
judged by the words it makes: all letters of one language's alphabet, capitals in front, vowels inside. What
no one-byte encoding makes sense of is left to charset-normalizer, which knows the East Asian ones.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from charset_normalizer import from_bytes

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_WESTERN = """áéíóúñü àâæçéèêëîïôœùûüÿ äöüß àèéìíîòóù áâãàçéêíóôõú åäöé æøåé áðéíóúýþæö àáçèéíïòóúü ëéïóöü
    äöõšž""".split()  # noqa: SIM905 - Spanish, French, German, Italian, Portuguese, Nordic, Catalan, Dutch, Estonian
_CENTRAL = """ąćęłńóśźż áčďéěíňóřšťúůýž áäčďéíĺľňóôŕšťúýž áéíóöőúüű ăâîşţ čćđšž äöüß éá""".split()  # noqa: SIM905
_CYRILLIC = """абвгдеёжзийклмнопрстуфхцчшщъыьэюя абвгґдеєжзиіїйклмнопрстуфхцчшщьюя
    абвгдежзийклмнопрстуфхцчшщъьюя абвгдђежзијклљмнњопрстћуфхцчџш
    абвгдеёжзійклмнопрстуўфхцчшыьэюя""".split()  # noqa: SIM905
_GREEK = ["αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"]
_HEBREW = ["אבגדהוזחטיךכלםמןנסעףפץצקרשת"]
_FINALS = frozenset("ךםןףץ")
_ARABIC = ["ءآأؤإئابةتثجحخدذرزسشصضطظعغـفقكلمنهوىيپچژگ\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652"]
_TURKISH = ["çğıöşüâîûi̇"]
_BALTIC = ["āčēģīķļņšūž", "ąčęėįšųūž", "äöõšžü"]
_THAI = ["".join(map(chr, range(0x0E01, 0x0E5B)))]

ONE_BYTE = (
    ("cp1252", _WESTERN),
    ("cp1250", _CENTRAL),
    ("cp1255", _HEBREW),
    ("cp1251", _CYRILLIC),
    ("cp1253", _GREEK),
    ("cp1254", _TURKISH),
    ("cp1256", _ARABIC),
    ("cp1257", _BALTIC),
    ("iso8859-2", _CENTRAL),
    ("iso8859-15", _WESTERN),
    ("koi8-r", _CYRILLIC[:1]),
    ("koi8-u", _CYRILLIC[:2]),
    ("cp866", _CYRILLIC[:1]),
    ("iso8859-5", _CYRILLIC),
    ("cp874", _THAI),
    ("mac-roman", _WESTERN),
    ("cp850", _WESTERN),
    ("cp852", _CENTRAL),
)
"""Likeliest first: of two that fit equally well the first is taken."""
GOOD = 0.8
"""The share of words that must make sense."""

_VOWELS = frozenset("aeiouyаеёиоуыэюяіїєўαεηιουωάέήίόύώ")
_LATIN = frozenset((*_WESTERN, *_CENTRAL, *_TURKISH, *_BALTIC))
_THAI_WORD = re.compile("([\u0e40-\u0e44]?[\u0e01-\u0e2e][\u0e2f-\u0e3a\u0e45-\u0e4e]*)+")
_WORD = re.compile(r"[^\s,;|\t\"'()\[\].:/@+_\-\d]+")


def candidates(sample: bytes) -> Iterator[str]:
    """The encodings to try, likeliest first; the last one reads anything."""
    for mark, name in BOMS:
        if sample.startswith(mark):
            yield name
            return
    if (zeros := sample.count(0)) > len(sample) // 4:
        yield "utf-16-le" if sample[1::2].count(0) * 2 > zeros else "utf-16-be"
        return
    yield "utf-8"
    yield guessed(sample)
    yield "latin-1"


def guessed(sample: bytes) -> str:
    """The encoding of text that is not UTF-8."""
    scored = [
        (_sense(sample, name, alphabets), -place, name) for place, (name, alphabets) in enumerate(ONE_BYTE)
    ]
    score, _, name = max(scored)
    if score >= GOOD:
        return name
    best = from_bytes(sample).best()
    return name if best is None else best.encoding


def _sense(sample: bytes, encoding: str, alphabets: Sequence[str]) -> float:
    """The share of its words beyond ASCII that are words of a language."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return 0.0
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    return sum(_likeness(word, alphabets) for word in words) / len(words) if words else 0.0


def _likeness(word: str, alphabets: Sequence[str]) -> float:
    """How much this is a word: 1.0, less when it is shouted, 0.0 for no word at all."""
    lower = word.lower()
    beyond = {char for char in lower if not char.isascii()}
    if not any(beyond <= letters for letters in _sets(tuple(alphabets))):
        return 0.0
    if alphabets[0] not in _LATIN and any(char.isascii() and char.isalpha() for char in word):
        return 0.0
    if alphabets is _HEBREW and _FINALS & set(word[:-1]):
        return 0.0
    if alphabets is _THAI and not _THAI_WORD.fullmatch(word):
        return 0.0
    if not (word == lower or word.isupper() or word == word.capitalize()):
        return 0.0
    cased = lower != word.upper()
    if cased and len(word) > 3 and not any(_bare(char) in _VOWELS for char in lower):
        return 0.0
    return 0.9 if cased and word.isupper() else 1.0


@lru_cache(maxsize=64)
def _sets(alphabets: tuple[str, ...]) -> list[frozenset[str]]:
    return [frozenset(alphabet) for alphabet in alphabets]


def _bare(char: str) -> str:
    return unicodedata.normalize("NFD", char)[0]
