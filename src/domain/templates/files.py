"""Files for headers: what Meta takes (fact sheet 3.3), told by what is in them and not by their names.

A stored file is named `file:<id>` in a template's values; just before sending it becomes the id under
which Meta has it for the sending number, which lives for 30 days.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NewType
from uuid import UUID

from msgspec import Struct

from tidings.domain.errors import Fault, Invalid, NotFound
from tidings.domain.kernel import OrganizationId, PhoneNumberId
from tidings.domain.templates.components import HeaderFormat

FileId = NewType("FileId", UUID)

MEDIA_LIFE = timedelta(days=30)
RENEW_BEFORE = timedelta(days=10)
"""A message may wait in line for a while with the id it was given."""
MEGABYTE = 1 << 20
LARGEST = 16 * MEGABYTE
"""Meta takes documents of up to 100 MB; we keep copies, and keep them smaller."""
REFERENCE = "file:"


class FileNotFound(NotFound):
    """The organisation has no such file."""


class FileRefused(Invalid):
    """Meta would not take this file for a header."""


class StoredFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """A file that headers may show."""

    id: FileId
    organization_id: OrganizationId
    name: str
    mime_type: str
    format: HeaderFormat
    size: int
    sha256: str
    created_at: datetime

    @property
    def reference(self) -> str:
        """What stands for it in values."""
        return f"{REFERENCE}{self.id}"


class Media(Struct, frozen=True, kw_only=True):
    """A stored file as Meta has it for one sending number."""

    file_id: FileId
    phone_number_id: PhoneNumberId
    media_id: str
    ends_at: datetime

    def fresh(self, now: datetime) -> bool:
        return self.ends_at > now + RENEW_BEFORE


class _Kind(Struct, frozen=True):
    format: HeaderFormat
    limit: int
    recognise: Callable[[bytes], bool]


def _begins(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(marks)


def _film(content: bytes) -> bool:
    return content[4:8] == b"ftyp"


def _text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


_OFFICE = "application/vnd.openxmlformats-officedocument."
_KINDS: dict[str, _Kind] = {
    "image/jpeg": _Kind(HeaderFormat.IMAGE, 5 * MEGABYTE, _begins(b"\xff\xd8\xff")),
    "image/png": _Kind(HeaderFormat.IMAGE, 5 * MEGABYTE, _begins(b"\x89PNG\r\n\x1a\n")),
    "video/mp4": _Kind(HeaderFormat.VIDEO, 16 * MEGABYTE, _film),
    "video/3gpp": _Kind(HeaderFormat.VIDEO, 16 * MEGABYTE, _film),
    "application/pdf": _Kind(HeaderFormat.DOCUMENT, LARGEST, _begins(b"%PDF-")),
    "text/plain": _Kind(HeaderFormat.DOCUMENT, LARGEST, _text),
    **{
        kind: _Kind(HeaderFormat.DOCUMENT, LARGEST, _begins(b"\xd0\xcf\x11\xe0"))
        for kind in ("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint")
    },
    **{
        _OFFICE + kind: _Kind(HeaderFormat.DOCUMENT, LARGEST, _begins(b"PK\x03\x04"))
        for kind in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
    },
}


def header_format(name: str, mime_type: str, content: bytes) -> HeaderFormat:
    """What kind of header the file is for. Raise FileRefused."""
    if faults := tuple(_faults(name, mime_type, content)):
        raise FileRefused("", *faults)
    return _KINDS[mime_type].format


def file_of(value: str) -> FileId | None:
    """The stored file that a value stands for, if it does."""
    if not value.startswith(REFERENCE):
        return None
    try:
        return FileId(UUID(value.removeprefix(REFERENCE)))
    except ValueError:
        return None


def _faults(name: str, mime_type: str, content: bytes) -> Iterator[Fault]:
    if not 1 <= len(name) <= 240 or any(c in name for c in '/\\"\r\n\0'):
        yield Fault(field="file", rule="name", message="must have a plain name of at most 240 characters")
    if not content:
        yield Fault(field="file", rule="empty", message="is empty")
        return
    kind = _KINDS.get(mime_type)
    if kind is None:
        kinds = ", ".join(sorted(k.rpartition("/")[2].rpartition(".")[2] for k in _KINDS))
        yield Fault(field="file", rule="type", message=f"{mime_type or 'unknown'}: Meta takes {kinds}")
        return
    if len(content) > kind.limit:
        limit = kind.limit // MEGABYTE
        yield Fault(field="file", rule="max_size", message=f"may have at most {limit} MB")
    if not kind.recognise(content):
        yield Fault(field="file", rule="content", message=f"is not what its type {mime_type} says")
