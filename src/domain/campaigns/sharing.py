"""Several numbers behind one campaign: everybody is written to by the same one, whatever happens."""

import math
from collections.abc import Mapping
from hashlib import blake2b

from tidings.domain.kernel import PersonKey, PhoneNumberId


def number_of(person: PersonKey, numbers: Mapping[PhoneNumberId, float]) -> PhoneNumberId:
    """The person's number among these, weighted by their messages a second (rendezvous hashing).

    The same numbers and weights give the same answer for ever; one that is added or leaves moves only
    people to it or away from it.
    """
    if len(numbers) == 1:
        return next(iter(numbers))
    return max(numbers, key=lambda number: (_score(person, number, numbers[number]), number))


def _score(person: PersonKey, number: PhoneNumberId, weight: float) -> float:
    digest = blake2b(f"{number}:{person}".encode(), digest_size=7).digest()
    return -weight / math.log((int.from_bytes(digest) + 0.5) / 2**56)
