"""What can be wrong with a template, with the subcode Meta answers for it (fact sheet 4.4, 7.3)."""

from enum import IntEnum

from msgspec import Struct

from tidings.domain.errors import Fault


class Subcode(IntEnum):
    """Meta's finer reasons below code 100."""

    LIMIT_REACHED = 2388019
    BEING_DELETED = 2388023
    ALREADY_EXISTS = 2388024
    NOT_EDITABLE_NOW = 2388039
    TOO_LONG = 2388040
    EXAMPLE_MISSING = 2388043
    NAME_FORMAT = 2388046
    HEADER_FORMAT = 2388047
    LANGUAGE = 2388049
    BUTTON_FORMAT = 2388060
    BODY_FORMAT = 2388072
    FOOTER_FORMAT = 2388073
    SAMPLE_TEMPLATE = 2388094
    TOO_MANY_VARIABLES = 2388293
    VARIABLE_AT_EDGE = 2388299
    NOT_FOUND = 2593002


class TemplateFault(Struct, frozen=True, kw_only=True):
    """One thing that is wrong: where, which rule, what it wanted, and how Meta says it.

    With `rejection`, Meta takes the template and then turns it down in review with that reason.
    """

    path: str
    rule: str
    message: str
    code: int = 100
    subcode: int | None = None
    rejection: str | None = None

    @property
    def fault(self) -> Fault:
        return Fault(field=self.path, rule=self.rule, message=self.message)
