"""The search index: for every three letters in a row the set of contacts that have them, as blocks of bits.

Contacts have places, numbered as they come; a block holds the bits of 65,536 places. What all grams of a
search have in common are its candidates, found by a bitwise AND however many contacts there are; each
candidate is then looked at itself, since grams may lie apart.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence

BLOCK = 65_536
_BYTES = BLOCK // 8


def grams_of(text: str) -> frozenset[str]:
    """Every three letters in a row within a word."""
    return frozenset(word[n : n + 3] for word in text.split() for n in range(len(word) - 2))


def grams_needed(terms: Iterable[str]) -> frozenset[str]:
    """The grams that a contact must have to be found; none when every term is too short to tell."""
    return frozenset[str]().union(*(grams_of(term) for term in terms))


def packed(bits: int) -> bytes:
    return zlib.compress(bits.to_bytes(_BYTES, "little"), 1)


def unpacked(stored: bytes) -> int:
    return int.from_bytes(zlib.decompress(stored), "little")


def common(blocks: Sequence[int]) -> int:
    """What all of these have in common."""
    bits = blocks[0]
    for each in blocks[1:]:
        bits &= each
    return bits


def places_down(block: int, bits: int, below: int) -> Iterator[int]:
    """The places whose bits are set, from the highest below `below` on."""
    base = block * BLOCK
    if below <= base + BLOCK:
        bits &= (1 << max(below - base, 0)) - 1
    while bits:
        top = bits.bit_length() - 1
        yield base + top
        bits ^= 1 << top
