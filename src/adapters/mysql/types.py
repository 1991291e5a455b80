"""Column types that speak the domain's types, so that rows need no mapping code."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID, SafeUUID

import msgspec
from sqlalchemy import BINARY, BigInteger, Dialect, Integer, LargeBinary, String, Text, TypeDecorator
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from tidings.adapters.mysql.literals import bytes_literal, text_literal

E = TypeVar("E", bound=StrEnum)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class _Turns(Protocol):
    """What turns a value of ours into the driver's, or back."""

    def __call__(self, value: Any) -> Any: ...


class Id(TypeDecorator[UUID]):
    """A UUID as sixteen bytes, in the order in which UUIDv7 sorts."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(
            BINARY(16) if dialect.name in ("mysql", "mariadb") else LargeBinary(16)
        )

    def bind_processor(self, dialect: Dialect) -> _Turns:
        """As it is, without the driver's wrapper around bytes: ids are bound more often than all else."""
        return _bytes_of

    def result_processor(self, dialect: Dialect, coltype: object) -> _Turns:
        return _uuid_of


def _uuid_of(value: bytes | None) -> UUID | None:
    """What `UUID(bytes=value)` makes, in half the time: sixteen bytes need no check."""
    if value is None:
        return None
    id = object.__new__(UUID)
    _set_int(id, int.from_bytes(value))
    _set_safe(id, SafeUUID.unknown)
    return id


_set_int: Callable[[UUID, int], None] = vars(UUID)["int"].__set__
_set_safe: Callable[[UUID, SafeUUID], None] = vars(UUID)["is_safe"].__set__
"""Its setters, past the guard that keeps ids as they are."""


def _bytes_of(value: UUID | None) -> bytes | None:
    return None if value is None else value.bytes


class Moment(TypeDecorator[datetime]):
    """An aware moment as microseconds since 1970 in UTC: exact, portable, and free of time zones."""

    impl = BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> _Turns:
        return _microseconds_of

    def result_processor(self, dialect: Dialect, coltype: object) -> _Turns:
        return _moment_of


def since_1970(value: datetime) -> int:
    """Microseconds."""
    return (value - _EPOCH) // _MICROSECOND


def _microseconds_of(value: datetime | None) -> int | None:
    return None if value is None else since_1970(value)


def _moment_of(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


class Json(TypeDecorator[Any]):
    """Any type that msgspec can describe, kept as JSON text."""

    impl = Text
    cache_ok = True
    """A statement is compiled once, also with such columns: two of them are alike when `of` is equal."""

    def __init__(self, of: Any) -> None:
        super().__init__()
        self.of = of
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(of).decode

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(mysql.MEDIUMTEXT() if dialect.name in ("mysql", "mariadb") else Text())

    def bind_processor(self, dialect: Dialect) -> _Turns:
        encode = self._encode
        if dialect.name in ("mysql", "mariadb"):
            return lambda value: None if value is None else text_literal(encode(value))
        return lambda value: None if value is None else encode(value).decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> _Turns:
        decode = self._decode

        def read(value: str | None) -> Any:
            return None if value is None else decode(value)

        return read


def ascii_key(length: int) -> TypeEngine[str]:
    """Case-sensitive ASCII text (wamids, hashes, states): MySQL's default collations would fold it."""
    return String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


class Choice(TypeDecorator[E]):
    """A member of a StrEnum, kept as its value."""

    impl = String
    cache_ok = True

    def __init__(self, of: type[E]) -> None:
        super().__init__()
        self.of = of

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ascii_key(24))

    def bind_processor(self, dialect: Dialect) -> _Turns:
        return _text_of

    def result_processor(self, dialect: Dialect, coltype: object) -> _Turns:
        known: dict[str | None, E | None] = {member.value: member for member in self.of}
        return cast(_Turns, {**known, None: None}.__getitem__)


def _text_of(value: str | None) -> str | None:
    return None if value is None else str(value)


class LongBinary(TypeDecorator[bytes]):
    """Up to 16 MiB: MySQL's plain kind ends at 64 KiB."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(
            mysql.MEDIUMBLOB() if dialect.name in ("mysql", "mariadb") else LargeBinary()
        )

    def bind_processor(self, dialect: Dialect) -> _Turns | None:
        if dialect.name in ("mysql", "mariadb"):
            return lambda value: None if value is None else bytes_literal(value)
        return None


Position = BigInteger().with_variant(Integer, "sqlite")
"""An auto-incrementing key of an append-only table."""
LongBytes = LongBinary()
LongText = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
"""Up to 16 MiB: MySQL's plain kinds end at 64 KiB."""
