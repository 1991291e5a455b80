"""Ids that look like Meta's."""

import base64
import binascii

_BITS = 72
_MASK = (1 << _BITS) - 1
_FACTOR = 0x9E3779B97F4A7C15F3
_INVERSE = pow(_FACTOR, -1, 1 << _BITS)
_OUTBOUND, _INBOUND = 0x11, 0x12


class Wamids:
    """Message ids. They scramble the message's number, so the number can be had back from them.

    The moment of starting goes into them: numbers begin again with every start, ids never do.
    """

    def __init__(self, seed: int, started: float) -> None:
        self._offset = (seed * 0xD1B54A32D192ED03 + int(started * 1000) * 0xA0761D6478BD642F1) & _MASK

    def outbound(self, phone: str, n: int) -> str:
        return _wamid(phone, _OUTBOUND, f"{(n * _FACTOR + self._offset) & _MASK:018X}")

    def inbound(self, phone: str, n: int) -> str:
        return _wamid(phone, _INBOUND, f"3A{(n * _FACTOR + self._offset) & _MASK:018X}")

    def conversation(self, n: int) -> str:
        """Meta's older webhooks name a conversation with every message: here, one for each."""
        return f"{(n * _FACTOR ^ self._offset) & _MASK:032x}"

    def number(self, wamid: str) -> int:
        """The number of an outbound message; 0 for what is none of ours."""
        try:
            raw = base64.b64decode(wamid.removeprefix("wamid."), validate=True)
            return ((int(raw[-19:-1], 16) - self._offset) * _INVERSE) & _MASK
        except (binascii.Error, ValueError):
            return 0


def is_wamid(id: str) -> bool:
    """Whether it has the form of a message id, of whatever life of the sandbox."""
    try:
        raw = base64.b64decode(id.removeprefix("wamid."), validate=True)
    except (binascii.Error, ValueError):
        return False
    return id.startswith("wamid.") and raw[:2] == b"\x1c\x18" and raw[-1:] == b"\0"


def _wamid(phone: str, direction: int, hex: str) -> str:
    raw = bytes((0x1C, 0x18, len(phone))) + phone.encode() + bytes((0x15, 2, 0, direction, 0x18, len(hex)))
    return "wamid." + base64.b64encode(raw + hex.encode() + b"\0").decode()
