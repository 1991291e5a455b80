"""A call and its answer, whatever brought it here."""

from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from tidings.adapters.sandbox.errors import invalid


class Call(NamedTuple):
    """A request."""

    method: str
    path: str
    query: str
    authorization: str
    body: bytes
    content_type: str = ""
    host: str = ""
    file_offset: str = "0"

    @property
    def params(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def json(self) -> dict[str, object]:
        """The body's object; Graph takes forms too. Raise GraphError."""
        if not self.body:
            return {}
        if self.content_type.startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))
        try:
            return msgspec.json.decode(self.body, type=dict[str, object])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise invalid("The request body is not valid JSON.") from None


class Reply(NamedTuple):
    """An answer, which may come late or not at all."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=UTF-8"
    delay: float = 0.0
    """Seconds to wait before it is given."""
    dropped: bool = False
    """The connection is closed instead."""
    headers: tuple[tuple[str, str], ...] = ()


def answered(value: object) -> Reply:
    return Reply(200, msgspec.json.encode(value))


SUCCESS = Reply(200, b'{"success":true}')
