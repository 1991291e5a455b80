"""Who may call what, generated from an application's own declarations: it takes any Litestar app."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec
from litestar import Litestar

from tidings.adapters.http.security import endpoints
from tidings.domain.kernel import Permission

REFUSALS = {401: {"BAD_TOKEN"}, 403: {"NOT_PERMITTED", "SESSION_NEEDED"}}
"""Codes by which callers, and not their requests, are refused."""


@dataclass(frozen=True)
class Endpoint:
    """A method and a path, with what it declares and the body that it takes."""

    method: str
    path: str
    permission: Permission | None
    signed_in: bool
    public: bool
    known: bool
    body: Any
    endless: bool = False
    """Whether it goes on until `seconds` have passed."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+):\w+}", self.path)

    def address(self, known: Mapping[str, str] | None = None) -> str:
        """The path with its parameters filled in: known ones by name, others by chance."""
        given = known or {}

        def value(found: re.Match[str]) -> str:
            return given.get(found[1]) or (str(uuid4()) if found[2] == "uuid" else "unknown")

        return re.sub(r"{(\w+):(\w+)}", value, self.path) + ("?seconds=0" if self.endless else "")


@dataclass(frozen=True)
class Caller:
    """Somebody, with what they may do. `rights` is None for who does not enter at all."""

    name: str
    rights: frozenset[Permission] | None
    person: bool = True
    """False for an API key."""


def endpoints_of(app: Litestar) -> list[Endpoint]:
    return [
        Endpoint(
            method=method,
            path=path,
            permission=handler.opt.get("permission"),
            signed_in=bool(handler.opt.get("signed_in")),
            public=bool(handler.opt.get("public")),
            known=bool(handler.opt.get("known")),
            body=handler.parsed_data_field.annotation if handler.parsed_data_field else None,
            endless="seconds" in handler.parsed_fn_signature.parameters,
        )
        for method, path, handler in endpoints(app)
    ]


def refusal(endpoint: Endpoint, caller: Caller) -> int | None:
    """The status with which this caller is refused here; None when the request itself is what counts."""
    if endpoint.public:
        return None
    if caller.rights is None:
        return 401
    if endpoint.permission is not None:
        return None if endpoint.permission in caller.rights else 403
    return None if caller.person or endpoint.known else 403


def wrongly(endpoint: Endpoint, caller: Caller, status: int, code: str) -> str | None:
    """What is wrong with an answer; None when it is as declared."""
    wanted = refusal(endpoint, caller)
    said = f"{endpoint} as {caller.name}: {status} {code}"
    if wanted is None:
        return said if code in REFUSALS.get(status, ()) or status >= 500 else None
    return None if status == wanted and code in REFUSALS[wanted] else f"{said}, not {wanted}"


def sample(kind: Any) -> Any:
    """A small JSON value of this type, with what is required and nothing else."""
    return _sample(msgspec.inspect.type_info(kind))


_SAMPLES: dict[type, Callable[[Any], Any]] = {
    msgspec.inspect.StrType: lambda info: "x" * max(info.min_length or 1, 1),
    msgspec.inspect.IntType: lambda info: info.ge or 1,
    msgspec.inspect.FloatType: lambda _: 1.0,
    msgspec.inspect.BoolType: lambda _: True,
    msgspec.inspect.NoneType: lambda _: None,
    msgspec.inspect.UUIDType: lambda _: str(uuid4()),
    msgspec.inspect.DateTimeType: lambda _: "2030-01-01T00:00:00Z",
    msgspec.inspect.EnumType: lambda info: next(iter(info.cls)).value,
    msgspec.inspect.LiteralType: lambda info: info.values[0],
    msgspec.inspect.DictType: lambda _: {},
    msgspec.inspect.AnyType: lambda _: {},
}


def _sample(info: Any) -> Any:
    if isinstance(info, msgspec.inspect.Metadata):
        return _sample(info.type)
    if isinstance(info, msgspec.inspect.UnionType):
        plain = [each for each in info.types if not isinstance(each, msgspec.inspect.NoneType)]
        return _sample(plain[0])
    if isinstance(info, msgspec.inspect.StructType):
        tag = {info.tag_field: info.tag} if info.tag_field else {}
        return tag | {each.encode_name: _sample(each.type) for each in info.fields if each.required}
    if isinstance(info, msgspec.inspect.VarTupleType | msgspec.inspect.ListType):
        return [_sample(info.item_type)]
    if isinstance(info, msgspec.inspect.TupleType):
        return [_sample(each) for each in info.item_types]
    return _SAMPLES.get(type(info), lambda _: "x")(info)
