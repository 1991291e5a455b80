"""Files: media to send and to fetch, and uploads that can be taken up again (fact sheet 3)."""

import base64
import hashlib
import re
from email.message import Message

import msgspec
from msgspec import Struct

from tidings.adapters.sandbox.accounts import Line, Waba
from tidings.adapters.sandbox.calls import SUCCESS, Call, Reply, answered
from tidings.adapters.sandbox.dice import Dice
from tidings.adapters.sandbox.errors import GraphError, missing, unknown_object
from tidings.adapters.sandbox.settings import Faults

DAY = 86400.0
UPLOADED, RECEIVED = 30 * DAY, 7 * DAY
URL_LIVES = 300.0
_MEGABYTE = 1024 * 1024
_KEPT = 512 * _MEGABYTE
"""What all files together may take; the oldest go first."""

_LIMITS = {
    "audio": 16 * _MEGABYTE,
    "video": 16 * _MEGABYTE,
    "image": 5 * _MEGABYTE,
    "application": 100 * _MEGABYTE,
    "text": 100 * _MEGABYTE,
}
_TYPES = re.compile(
    r"audio/(aac|amr|mpeg|mp4|ogg|opus)|image/(jpeg|png|webp)|video/(mp4|3gpp)|text/plain|application/"
    r"(pdf|msword|vnd\.ms-(excel|powerpoint)|vnd\.openxmlformats-officedocument\.[a-z]+\.[a-z]+)"
)
_STICKER = 500 * 1024
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""What people send who are not told what to send."""


class Media(Struct, frozen=True):
    """A file with an id."""

    id: str
    waba_id: str
    line_id: str
    mime_type: str
    data: bytes
    until: float

    @property
    def sha256(self) -> str:
        return base64.b64encode(hashlib.sha256(self.data).digest()).decode()


class _Upload(Struct):
    """A file on its way."""

    waba_id: str
    length: int
    type: str
    data: bytes = b""


class Files:
    """Every account's files, in memory."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._media: dict[str, Media] = {}
        self._uploads: dict[str, _Upload] = {}
        self._size = 0
        self._made = 0

    def add(self, line: Line, mime_type: str, data: bytes, until: float) -> Media:
        self._made += 1
        id = self._dice.number(f"media {self._made} {until}", 15)
        media = Media(id, line.waba.id, line.id, mime_type, data, until)
        self._media[id] = media
        self._size += len(data)
        while self._size > _KEPT and len(self._media) > 1:
            self._forget(next(iter(self._media.values())))
        return media

    def find(self, waba: Waba, id: str, now: float) -> Media | None:
        media = self._media.get(id)
        return media if media and media.waba_id == waba.id and media.until > now else None

    def upload(self, line: Line, call: Call, now: float) -> Reply:
        """`POST /{phone-number-id}/media`."""
        parts = _parts(call)
        if parts.get("messaging_product", _Part(b"")).data.decode(errors="replace") != "whatsapp":
            raise missing("messaging_product")
        file = parts.get("file")
        if file is None:
            raise missing("file")
        said = parts.get("type")
        mime_type = (said.data.decode(errors="replace") if said else file.type).partition(";")[0].strip()
        if not _TYPES.fullmatch(mime_type):
            raise GraphError(
                100,
                message=f"(#100) Param file must be a file of a supported type, not {mime_type!r}",
            )
        most = _STICKER if mime_type == "image/webp" else _LIMITS[mime_type.partition("/")[0]]
        if len(file.data) > most:
            raise GraphError(131053, f"The file has {len(file.data)} bytes; at most {most} are allowed.")
        return answered({"id": self.add(line, mime_type, file.data, now + UPLOADED).id})

    def node(self, media: Media, call: Call, now: float) -> Reply:
        number = call.params.get("phone_number_id")
        if number is not None and number != media.line_id:
            raise unknown_object(call.method, media.id)
        match call.method:
            case "GET":
                return answered(
                    {
                        "messaging_product": "whatsapp",
                        "url": self.url(media, call.host, now),
                        "mime_type": media.mime_type,
                        "sha256": media.sha256,
                        "file_size": str(len(media.data)),
                        "id": media.id,
                    }
                )
            case "DELETE":
                self._forget(media)
                return SUCCESS
            case _:
                raise unknown_object(call.method, media.id)

    def url(self, media: Media, host: str, now: float) -> str:
        """An address that is good for five minutes."""
        until = int(now + URL_LIVES)
        return f"http://{host}/_media/?mid={media.id}&ext={until}&hash={self._mark(media.id, until)}"

    def fetch(self, waba: Waba, call: Call, now: float) -> Reply:
        """The bytes behind such an address."""
        params = call.params
        id, until = params.get("mid", ""), params.get("ext", "")
        media = self.find(waba, id, now)
        good = until.isdecimal() and int(until) > now and params.get("hash") == self._mark(id, int(until))
        if media is None or not good:
            return Reply(404, b"URL signature expired", "text/plain")
        return Reply(200, media.data, media.mime_type)

    def begin(self, waba: Waba, call: Call) -> Reply:
        """`POST /{app-id}/uploads`."""
        said = {**call.json(), **call.params}
        length, type = str(said.get("file_length", "")), str(said.get("file_type", ""))
        if not length.isdecimal():
            raise missing("file_length")
        if not type:
            raise missing("file_type")
        self._made += 1
        id = f"upload:{self._dice.hex(f'upload {self._made}', 40)}"
        self._uploads[id] = _Upload(waba.id, int(length), type)
        return answered({"id": id})

    def push(self, waba: Waba, id: str, call: Call, faults: Faults, chance: float) -> Reply:
        """`GET` and `POST /upload:...`."""
        upload = self._uploads.get(id)
        if upload is None or upload.waba_id != waba.id:
            raise unknown_object(call.method, id)
        if call.method == "GET":
            return answered({"id": id, "file_offset": len(upload.data)})
        if call.file_offset != str(len(upload.data)):
            raise GraphError(100, message=f"(#100) file_offset must be {len(upload.data)}")
        if chance < faults.break_upload:
            upload.data += call.body[: len(call.body) // 2]
            return Reply(0, b"", dropped=True)
        upload.data += call.body
        if len(upload.data) != upload.length:
            raise GraphError(
                100, message=f"(#100) The upload has {len(upload.data)} of {upload.length} bytes"
            )
        name = base64.b64encode(upload.type.encode()).decode()
        mark = hashlib.sha256(upload.data).hexdigest()[:40]
        return answered({"h": f"4:{upload.length}:{name}:{mark}"})

    def _mark(self, id: str, until: int) -> str:
        return self._dice.hex(f"url {id} {until}", 24)

    def _forget(self, media: Media) -> None:
        del self._media[media.id]
        self._size -= len(media.data)


class _Part(Struct, frozen=True):
    """A part of a form."""

    data: bytes
    type: str = ""


def _parts(call: Call) -> dict[str, _Part]:
    """The parts of a form with a file, by name."""
    head = Message()
    head["content-type"] = call.content_type or "text/plain"
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/form-data" or not boundary:
        raise GraphError(100, message="(#100) The body must be multipart/form-data")
    found: dict[str, _Part] = {}
    for raw in (b"\r\n" + call.body).split(b"\r\n--" + boundary.encode()):
        top, blank, data = raw.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not blank:
            continue
        fields = Message()
        for line in top.decode(errors="replace").split("\r\n"):
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        name = fields.get_param("name", header="content-disposition")
        found[str(name)] = _Part(data, fields.get_content_type())
    return found


def inbound_media(files: Files, line: Line, said: object, now: float, host: str) -> dict[str, object]:
    """What a webhook says of a file that a person sent; without a file of ours, a pixel is one."""
    fields = msgspec.convert(said or {}, dict[str, object])
    found = files.find(line.waba, str(fields.get("id", "")), now)
    media = found or files.add(line, "image/png", PIXEL, now + RECEIVED)
    return {
        **fields,
        "mime_type": media.mime_type,
        "sha256": media.sha256,
        "id": media.id,
        "url": files.url(media, host, now),
    }
