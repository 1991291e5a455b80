"""The one shape of every reply: `{"success": true, "message"?, "data", "pagination"?}`."""

from typing import Generic, TypeVar

from msgspec import UNSET, Struct, UnsetType

from tidings.domain.kernel import Page

T = TypeVar("T")


class Reply(Struct, Generic[T], frozen=True, kw_only=True, rename="camel"):
    """A single thing."""

    success: bool = True
    message: str | UnsetType = UNSET
    data: T


class Done(Struct, frozen=True, kw_only=True, rename="camel"):
    """It was done, and there is nothing to show."""

    success: bool = True
    message: str


class Pagination(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where this page stands. `nextCursor` leads on; page and totals answer `page=` requests."""

    limit: int
    next_cursor: str | None = None
    page: int | None = None
    total: int | None = None
    total_pages: int | None = None


class Listing(Struct, Generic[T], frozen=True, kw_only=True, rename="camel"):
    """A page of things."""

    success: bool = True
    data: list[T]
    pagination: Pagination


def reply(data: T, message: str | None = None) -> Reply[T]:
    return Reply(data=data, message=UNSET if message is None else message)


def listing(page: Page[T], *, limit: int, number: int | None = None) -> Listing[T]:
    """Wrap a page; `number` is the page asked for when it was asked for by number."""
    return Listing(
        data=list(page.items),
        pagination=Pagination(
            limit=limit,
            next_cursor=page.next_cursor,
            page=number,
            total=page.total,
            total_pages=None if page.total is None else -(-page.total // limit),
        ),
    )
