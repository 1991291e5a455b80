"""Changes that speak of templates, numbers and accounts (fact sheet 4.10, 5.8)."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec import Raw, Struct

from tidings.adapters.meta.errors import UNREADABLE
from tidings.application.ports.meta import (
    AccountAlert,
    AccountReviewUpdate,
    AccountUpdate,
    CapabilityUpdate,
    NumberNameUpdate,
    NumberSecurityUpdate,
    NumberUpdate,
    OtherUpdate,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateUpdate,
)
from tidings.domain.kernel import WabaId

Notice: TypeAlias = TemplateUpdate | OtherUpdate


class Origin(NamedTuple):
    """Where a change comes from; together with its value it is everything that came."""

    waba_id: WabaId
    field: str
    at: datetime | None

    def other(self, value: Raw) -> OtherUpdate:
        return OtherUpdate(waba_id=self.waba_id, field=self.field, value=value, at=self.at)


def read_notice(value: Raw, origin: Origin) -> Notice:
    """The change in our words, or kept whole when we have none. Raises nothing."""
    reader = _READERS.get(origin.field)
    if reader is None:
        return origin.other(value)
    try:
        return reader(value, origin)
    except UNREADABLE:
        return origin.other(value)


class _Template(Struct, frozen=True, kw_only=True):
    message_template_id: int | str
    message_template_name: str = ""
    message_template_language: str = ""

    @property
    def language(self) -> str:
        return self.message_template_language.replace("-", "_")


class _Rejection(Struct, frozen=True):
    reason: str | None = None
    recommendation: str | None = None


class _Info(Struct, frozen=True):
    title: str | None = None
    description: str | None = None


class _TemplateStatus(_Template, frozen=True, kw_only=True):
    event: str | None = None
    reason: str | None = None
    rejection_info: _Rejection | None = None
    other_info: _Info | None = None
    new_quality_score: str | None = None


def _template_status(value: Raw, origin: Origin) -> Notice:
    said = msgspec.json.decode(value, type=_TemplateStatus)
    if said.event is None and said.new_quality_score is not None:
        # One of Meta's own samples has a change of quality under this field.
        return _template_quality(value, origin)
    if said.event is None or origin.at is None:
        return origin.other(value)
    rejection = said.rejection_info or _Rejection()
    info = said.other_info or _Info()
    return TemplateUpdate(
        waba_id=origin.waba_id,
        meta_template_id=str(said.message_template_id),
        name=said.message_template_name,
        language=said.language,
        event=said.event,
        reason=None if said.reason == "NONE" else said.reason,
        at=origin.at,
        details=" ".join(
            part
            for part in (rejection.reason, rejection.recommendation, info.title, info.description)
            if part
        ),
        raw=value,
    )


class _TemplateQuality(_Template, frozen=True, kw_only=True):
    new_quality_score: str
    previous_quality_score: str | None = None


def _template_quality(value: Raw, origin: Origin) -> Notice:
    said = msgspec.json.decode(value, type=_TemplateQuality)
    return TemplateQualityUpdate(
        waba_id=origin.waba_id,
        field=origin.field,
        value=value,
        at=origin.at,
        meta_template_id=str(said.message_template_id),
        name=said.message_template_name,
        language=said.language,
        previous=said.previous_quality_score,
        quality=said.new_quality_score,
    )


class _TemplateCategory(_Template, frozen=True, kw_only=True):
    new_category: str
    correct_category: str | None = None
    previous_category: str | None = None


def _template_category(value: Raw, origin: Origin) -> Notice:
    """`new_category` is the present one in both forms; the announcement adds the one that it should be."""
    said = msgspec.json.decode(value, type=_TemplateCategory)
    return TemplateCategoryUpdate(
        waba_id=origin.waba_id,
        field=origin.field,
        value=value,
        at=origin.at,
        meta_template_id=str(said.message_template_id),
        name=said.message_template_name,
        language=said.language,
        category=said.new_category,
        next_category=said.correct_category,
        previous_category=said.previous_category,
    )


class _Number(Struct, frozen=True, kw_only=True):
    display_phone_number: str
    event: str
    max_daily_conversations_per_business: int | str | None = None
    current_limit: str | None = None
    requester: str | None = None

    @property
    def limit(self) -> str | None:
        limit = self.max_daily_conversations_per_business
        return self.current_limit if limit is None else str(limit)


def _number(value: Raw, origin: Origin) -> Notice:
    said = msgspec.json.decode(value, type=_Number)
    return NumberUpdate(
        waba_id=origin.waba_id,
        field=origin.field,
        value=value,
        at=origin.at,
        display_phone_number=_digits(said.display_phone_number),
        event=said.event,
        limit=said.limit,
    )


def _security(value: Raw, origin: Origin) -> Notice:
    said = msgspec.json.decode(value, type=_Number)
    return NumberSecurityUpdate(
        waba_id=origin.waba_id,
        field=origin.field,
        value=value,
        at=origin.at,
        display_phone_number=_digits(said.display_phone_number),
        event=said.event,
        requester=said.requester,
    )


class _Name(Struct, frozen=True, kw_only=True):
    display_phone_number: str
    decision: str
    requested_verified_name: str | None = None
    rejection_reason: str | None = None


def _name(value: Raw, origin: Origin) -> Notice:
    said = msgspec.json.decode(value, type=_Name)
    return NumberNameUpdate(
        waba_id=origin.waba_id,
        field=origin.field,
        value=value,
        at=origin.at,
        display_phone_number=_digits(said.display_phone_number),
        decision=said.decision,
        name=said.requested_verified_name,
        reason=said.rejection_reason,
    )


class _Event(Struct, frozen=True, kw_only=True):
    event: str


def _account(value: Raw, origin: Origin) -> Notice:
    said = msgspec.json.decode(value, type=_Event)
    return AccountUpdate(
        waba_id=origin.waba_id, field=origin.field, value=value, at=origin.at, event=said.event
    )


class _Decision(Struct, frozen=True, kw_only=True):
    decision: str


def _account_review(value: Raw, origin: Origin) -> Notice:
    said = msgspec.json.decode(value, type=_Decision)
    return AccountReviewUpdate(
        waba_id=origin.waba_id, field=origin.field, value=value, at=origin.at, decision=said.decision
    )


class _AlertInfo(Struct, frozen=True, kw_only=True):
    alert_severity: str = ""
    alert_status: str = ""
    alert_type: str = ""
    alert_description: str = ""


class _Alert(Struct, frozen=True, kw_only=True):
    entity_type: str
    entity_id: int | str
    alert_info: _AlertInfo


def _alert(value: Raw, origin: Origin) -> Notice:
    said = msgspec.json.decode(value, type=_Alert)
    info = said.alert_info
    return AccountAlert(
        waba_id=origin.waba_id,
        field=origin.field,
        value=value,
        at=origin.at,
        entity_type=said.entity_type,
        entity_id=str(said.entity_id),
        kind=info.alert_type,
        severity=info.alert_severity,
        status=info.alert_status,
        description=info.alert_description,
    )


class _Capability(Struct, frozen=True, kw_only=True):
    max_daily_conversations_per_business: int | str | None = None
    max_daily_conversation_per_phone: int | str | None = None
    max_phone_numbers_per_business: int | None = None
    max_phone_numbers_per_waba: int | None = None


def _capability(value: Raw, origin: Origin) -> Notice:
    said = msgspec.json.decode(value, type=_Capability)
    limit = said.max_daily_conversations_per_business
    if limit is None:
        limit = said.max_daily_conversation_per_phone
    if limit is None and said.max_phone_numbers_per_business is None:
        return origin.other(value)
    return CapabilityUpdate(
        waba_id=origin.waba_id,
        field=origin.field,
        value=value,
        at=origin.at,
        messaging_limit=None if limit is None else str(limit),
        numbers_of_business=said.max_phone_numbers_per_business,
        numbers_of_waba=said.max_phone_numbers_per_waba,
    )


def _digits(number: str) -> str:
    return "".join(sign for sign in number if sign.isdigit())


_READERS: dict[str, Callable[[Raw, Origin], Notice]] = {
    "message_template_status_update": _template_status,
    "message_template_quality_update": _template_quality,
    "template_category_update": _template_category,
    "phone_number_quality_update": _number,
    "phone_number_name_update": _name,
    "security": _security,
    "account_update": _account,
    "account_review_update": _account_review,
    "account_alerts": _alert,
    "business_capability_update": _capability,
}
