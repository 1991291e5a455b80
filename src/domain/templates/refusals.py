"""How requests about templates are refused, by us and by Meta (fact sheet 4.4 to 4.7, 7.2, 7.3)."""

from collections.abc import Sequence

from tidings.domain.errors import Conflict, Fault, Invalid, NotFound, Refused, Throttled, Unavailable
from tidings.domain.templates.faults import Subcode


class TemplateNotFound(NotFound):
    """The organisation has no such template."""


class TemplateInvalid(Invalid):
    """The template breaks Meta's rules; nothing was sent to Meta."""


class MissingValues(Invalid):
    """The template cannot be filled in with these values."""


class TemplateNotApproved(Conflict):
    """Only an approved template may be sent."""


class TemplateNotEditable(Conflict):
    """The template cannot be edited in its present state."""


class NotMarketing(Conflict):
    """The Marketing Messages API takes templates of the category MARKETING alone."""


class EditQuotaReached(Conflict):
    """An approved template may be edited once in 24 hours and ten times in 30 days."""


class TemplateNotDeletable(Conflict):
    """The template cannot be deleted in its present state."""


class NothingToChange(Invalid):
    """Nothing would change."""


class StillSubmitting(Conflict):
    """This template is being handed in right now; look again in a minute."""


class NameTaken(Conflict):
    """There is a template of this name in this language already."""


class NameBeingDeleted(Conflict):
    """A template of this name and language was deleted a short while ago; Meta frees the name later."""


class TooManySubmissions(Throttled):
    """Meta takes at most 100 new templates an hour for an account; try again later."""


class TooManyTemplates(Conflict):
    """The WhatsApp Business Account holds as many templates as it may."""


class SampleTemplate(Conflict):
    """Meta's sample template cannot be deleted."""


class ReviewRefused(Invalid):
    """Meta refused the template."""


class GoneAtMeta(NotFound):
    """Meta has no such template any more."""


class AccountRefused(Conflict):
    """Meta does not let us manage this account: connect the WhatsApp Business Account again."""


class ReviewThrottled(Throttled):
    """Meta limits how often templates may be managed; try again later."""


class ReviewUnavailable(Unavailable):
    """Meta did not answer. It may have done what was asked: the next sync shows it."""


class NoWaba(Conflict):
    """The organisation has no WhatsApp Business Account; connect one first."""


class SeveralWabas(Invalid):
    """The organisation has several WhatsApp Business Accounts: say which in wabaId."""


_CONFLICTS: dict[int, type[Refused]] = {
    Subcode.LIMIT_REACHED: TooManyTemplates,
    Subcode.BEING_DELETED: NameBeingDeleted,
    Subcode.ALREADY_EXISTS: NameTaken,
    Subcode.NOT_EDITABLE_NOW: TemplateNotEditable,
    Subcode.SAMPLE_TEMPLATE: SampleTemplate,
    Subcode.NOT_FOUND: GoneAtMeta,
    33: GoneAtMeta,
}

_FIELDS: dict[int, str] = {
    Subcode.NAME_FORMAT: "name",
    Subcode.LANGUAGE: "language",
    Subcode.HEADER_FORMAT: "components",
    Subcode.BODY_FORMAT: "components",
    Subcode.FOOTER_FORMAT: "components",
    Subcode.BUTTON_FORMAT: "components",
    Subcode.TOO_LONG: "components",
    Subcode.EXAMPLE_MISSING: "components",
    Subcode.TOO_MANY_VARIABLES: "components",
    Subcode.VARIABLE_AT_EDGE: "components",
}

_THROTTLED = frozenset({4, 17, 32, 613, 80007, 130429})
_TEMPORARY = frozenset({1, 2, 131000, 131016, 133004})
_ACCOUNT = frozenset({0, 3, 10, 104, 190, 368, 131005, 131031})


def refusal(
    code: int,
    subcode: int | None,
    message: str,
    *,
    blamed: Sequence[str] = (),
    retry_after: float | None = None,
) -> Refused:
    """Meta's error about a template, in our words. `message` is for people and may be in any language.

    `blamed` are the fields that Meta itself names (`error_data.blame_field_specs`).
    """
    if code in _THROTTLED:
        return ReviewThrottled(retry_after=retry_after)
    if code in _TEMPORARY:
        return ReviewUnavailable()
    if code in _ACCOUNT or 200 <= code < 300:
        return AccountRefused(f"Meta does not let us manage this account ({code}): {message}")
    if subcode is not None and (kind := _CONFLICTS.get(subcode)):
        return kind()
    rule = f"meta_{subcode or code}"
    fields = blamed or (_FIELDS.get(subcode or 0, "components"),)
    faults = (Fault(field=field, rule=rule, message=message) for field in fields)
    return ReviewRefused(f"Meta refused the template: {message}", *faults)
