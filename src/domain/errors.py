"""The seven ways a request can be refused.

A context names its own refusals as subclasses beside its domain; the class docstring is the sentence a
person reads. Adapters translate the seven kinds, and only them: HTTP in `adapters/http/errors.py`, the
command line in `bootstrap/cli.py`. What escapes and is not `Refused` is a bug.

    Refused
    ├── Invalid          what was asked makes no sense
    ├── Unauthenticated  we do not know who is asking
    ├── Forbidden        we know, and they may not
    ├── NotFound         there is no such thing here
    ├── Conflict         not in its present state
    ├── Throttled        not at this rate; try again later
    └── Unavailable      something we depend on did not answer
"""

import re

from msgspec import Struct


class Fault(Struct, frozen=True):
    """One thing that is wrong: where (a field's path, or `row 7: phone`), which rule, and what it wanted."""

    field: str
    rule: str
    message: str


class Refused(Exception):
    """Base of every expected refusal."""

    def __init__(self, message: str = "", *faults: Fault, retry_after: float | None = None) -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))
        self.faults = faults
        self.retry_after = retry_after

    @property
    def code(self) -> str:
        """The machine's name of this refusal, such as `PHONE_TAKEN`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).upper()


class Invalid(Refused):
    """The request makes no sense."""


class BadCursor(Invalid):
    """The cursor is not one that this list gave out."""


class Unauthenticated(Refused):
    """Sign in first."""


class Forbidden(Refused):
    """You may not do this."""


class NotFound(Refused):
    """There is no such thing."""


class Conflict(Refused):
    """Not in its present state."""


class Throttled(Refused):
    """Too many requests; try again later."""


class Unavailable(Refused):
    """Something this depends on did not answer; try again later."""


class Undone(Unavailable):
    """What was asked for was undone for another's sake before anything of it held; it may be asked again."""
