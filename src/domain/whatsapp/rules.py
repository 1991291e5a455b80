"""The grains that the limits of messages are made of: each tells, with the field's path, what is wrong."""

from collections.abc import Iterator, Sequence

from tidings.domain.addresses import is_public
from tidings.domain.errors import Fault
from tidings.domain.whatsapp.values import File

MAX_CAPTION = 1024
MAX_URL = 2000


def fault(path: str, rule: str, message: str) -> Fault:
    return Fault(field=path, rule=rule, message=message)


def check_text(path: str, text: str | None, most: int, *, required: bool = True) -> Iterator[Fault]:
    """Something to read, and not too much of it."""
    if text is None or not text.strip():
        if required or text is not None:
            yield fault(path, "required", "must not be empty")
    elif len(text) > most:
        yield fault(path, "max_length", f"must have at most {most} characters")


def check_count(path: str, items: Sequence[object], least: int, most: int) -> Iterator[Fault]:
    if not least <= len(items) <= most:
        yield fault(path, "items", f"must be {least} to {most}")


def check_unique(path: str, what: str, values: Sequence[str]) -> Iterator[Fault]:
    if len(set(values)) < len(values):
        yield fault(path, "unique", f"must have {what}s that differ")


def check_file(path: str, id: str | None, link: str | None) -> Iterator[Fault]:
    """Exactly one of an uploaded file and a public one."""
    if (id is None) == (link is None):
        yield fault(path, "one_of", "needs an id or a link, and not both")
    if id is not None and not id.strip():
        yield fault(f"{path}.id" if path else "id", "required", "must not be empty")
    if link is not None and not is_public(link):
        yield fault(f"{path}.link" if path else "link", "url", "must be a public http(s) address")


def check_attachment(path: str, file: File) -> Iterator[Fault]:
    return check_file(path, file.id, file.link)


def check_url(path: str, url: str) -> Iterator[Fault]:
    if not is_public(url):
        yield fault(path, "url", "must be an http(s) address with a host name")
    elif len(url) > MAX_URL:
        yield fault(path, "max_length", f"must have at most {MAX_URL} characters")


def check_place(path: str, latitude: float, longitude: float) -> Iterator[Fault]:
    prefix = f"{path}." if path else ""
    if not -90 <= latitude <= 90:
        yield fault(f"{prefix}latitude", "range", "must be from -90 to 90")
    if not -180 <= longitude <= 180:
        yield fault(f"{prefix}longitude", "range", "must be from -180 to 180")
