"""Addresses on the public internet, as far as their writing tells; what a name resolves to is seen later."""

import re

_HOSTED = re.compile(
    r"https?://(?P<host>[\w-]+(\.[\w-]+)+)\.?(:\d{1,5})?([/?#]\S*)?",
    re.IGNORECASE,
)
"""With a host name: no brackets, no name without a dot, no user."""
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.IGNORECASE)
_PRIVATE = frozenset(
    {
        "localhost",
        "local",
        "internal",
        "intranet",
        "private",
        "corp",
        "home",
        "lan",
        "arpa",
        "invalid",
        "onion",
    }
)
"""Last labels that no public name ends in (RFC 6761, 6762, 8375, and ICANN's reserved ones)."""


def is_public(url: str) -> bool:
    """Whether it is an http(s) address of a host whose name may be public.

    A last label that is a number, also in hexadecimal, makes the whole an IPv4 address in every spelling
    that browsers and C libraries take (WHATWG URL, "ends in a number"), and those are never taken.
    """
    found = _HOSTED.fullmatch(url)
    if found is None:
        return False
    last = found["host"].rsplit(".", 1)[-1].lower()
    return _NUMBER.fullmatch(last) is None and last not in _PRIVATE
