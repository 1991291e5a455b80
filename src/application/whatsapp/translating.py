"""Meta's updates as our events and rows; nothing here asks or changes anything."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET
from msgspec.structs import replace

from tidings.application.ports.gateway import Verdict
from tidings.application.ports.meta import (
    CapabilityUpdate,
    InboundUpdate,
    NumberUpdate,
    OtherUpdate,
    PreferenceUpdate,
    StatusUpdate,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateUpdate,
)
from tidings.application.ports.whatsapp import Parked
from tidings.domain.events import (
    ConnectedNumber,
    Event,
    MessageReceived,
    PreferenceReported,
    TemplateRemarked,
    TemplateReported,
)
from tidings.domain.kernel import MessageId, OrganizationId, Phone, WabaId, person_key
from tidings.domain.whatsapp.conversations import Inbound
from tidings.domain.whatsapp.messages import REPORTED, Message
from tidings.domain.whatsapp.numbers import Number
from tidings.domain.whatsapp.pressure import TIERS, tier

UPGRADED = 1000
"""Messages per second of a number whose throughput was upgraded (fact sheet 6.1)."""


def event_of(
    update: TemplateUpdate | PreferenceUpdate | OtherUpdate, organization: OrganizationId
) -> Event | None:
    """What the other contexts are told; None when nobody acts upon it."""
    match update:
        case TemplateUpdate():
            return TemplateReported(
                organization_id=organization,
                waba_id=update.waba_id,
                meta_template_id=update.meta_template_id,
                name=update.name,
                language=update.language,
                event=update.event,
                reason=update.reason,
                at=update.at,
            )
        case PreferenceUpdate(category="marketing_messages", value="stop" | "resume"):
            return PreferenceReported(
                organization_id=organization,
                sender=_phone(update.wa_id),
                sender_user_id=update.user_id,
                wish="stop" if update.value == "stop" else "start",
                source="user_preferences",
                at=update.at,
            )
        case TemplateQualityUpdate(at=at) if at is not None:
            return _remark(organization, update, "quality", update.quality)
        case TemplateCategoryUpdate(at=at) if at is not None:
            return _remark(organization, update, "category", "")
        case _:
            return None


def news_of(update: OtherUpdate, numbers: Sequence[Number]) -> list[Number]:
    """The numbers of which Meta says that their speed or limit is another (fact sheet 5.8, 6.1, 6.3)."""
    if isinstance(update, CapabilityUpdate):
        theirs, said, speed = (
            [n for n in numbers if n.waba_id == update.waba_id],
            update.messaging_limit,
            None,
        )
    elif isinstance(update, NumberUpdate):
        theirs = [n for n in numbers if digits(n.display_phone_number) == digits(update.display_phone_number)]
        said = update.limit
        speed = UPGRADED if update.event == "THROUGHPUT_UPGRADE" else None
    else:
        return []
    limit = tier(said) if said in TIERS or (said or "").isdecimal() else UNSET
    return [
        replace(
            number,
            messaging_limit=number.messaging_limit if limit is UNSET else limit,
            messages_per_second=speed or number.messages_per_second,
        )
        for number in theirs
    ]


def number_of(
    said: ConnectedNumber, organization: OrganizationId, waba: WabaId, connected_at: datetime
) -> Number:
    """A number in our words."""
    return Number(
        phone_number_id=said.phone_number_id,
        organization_id=organization,
        waba_id=waba,
        display_phone_number=said.display_phone_number,
        verified_name=said.verified_name,
        quality_rating=said.quality_rating,
        messages_per_second=said.messages_per_second,
        messaging_limit=tier(said.messaging_limit),
        connected_at=connected_at,
    )


def digits(phone: str) -> str:
    return "".join(sign for sign in phone if sign.isdecimal())


def _remark(
    organization: OrganizationId,
    update: TemplateQualityUpdate | TemplateCategoryUpdate,
    what: str,
    value: str,
) -> Event | None:
    if update.at is None:
        return None
    return TemplateRemarked(
        organization_id=organization,
        waba_id=update.waba_id,
        meta_template_id=update.meta_template_id,
        name=update.name,
        language=update.language,
        what=what,
        value=value,
        at=update.at,
    )


def stopped(message: Message, update: StatusUpdate) -> PreferenceReported | None:
    """A refusal that means that the person stopped marketing (131050): a wish like any other."""
    if update.error is None or update.error.verdict is not Verdict.SUPPRESS:
        return None
    return PreferenceReported(
        organization_id=message.organization_id,
        sender=message.to,
        sender_user_id=message.recipient,
        wish="stop",
        source=str(update.error.code),
        detail=update.error.details,
        at=update.at,
    )


def heard(message: Message, update: StatusUpdate) -> Message:
    """The message after a status; one that we do not know moves nothing."""
    fact = REPORTED.get(update.status)
    if fact is None:
        return message
    code, reason = _error(update)
    after = message.hear(fact, update.at, wamid=update.wamid, code=code, reason=reason)
    return after if update.pricing_type is None else after.price(update.pricing_type, update.pricing_category)


def parked(update: StatusUpdate) -> Parked:
    """A status of nobody yet, to be kept until its message is known."""
    code, reason = _error(update)
    return Parked(
        wamid=update.wamid,
        status=REPORTED[update.status].value,
        at=update.at,
        code=code,
        reason=reason,
        raw=bytes(update.raw).decode(errors="replace"),
    )


def inbound(update: InboundUpdate, number: Number, id: MessageId) -> Inbound:
    """A person's message as it is kept."""
    sender = _phone(update.sender)
    return Inbound(
        id=id,
        organization_id=number.organization_id,
        phone_number_id=update.phone_number_id,
        wamid=update.wamid,
        person=person_key(sender or Phone(update.sender_user_id or update.wamid)),
        sender=sender,
        sender_user_id=update.sender_user_id,
        profile_name=update.profile_name[:200],
        kind=update.kind,
        text=update.text,
        payload=update.payload[:512],
        reply_to=update.reply_to,
        raw=bytes(update.raw).decode(errors="replace"),
        at=update.at,
    )


def received(message: Inbound) -> MessageReceived:
    """A person's message as the other contexts are told of it."""
    return MessageReceived(
        organization_id=message.organization_id,
        message_id=message.id,
        wamid=message.wamid,
        phone_number_id=message.phone_number_id,
        sender=message.sender,
        sender_user_id=message.sender_user_id,
        profile_name=message.profile_name,
        kind=message.kind,
        text=message.text,
        reply_to=message.reply_to,
        button=message.payload,
        at=message.at,
    )


def _error(update: StatusUpdate) -> tuple[int | None, str | None]:
    error = update.error
    return (None, None) if error is None else (error.code, error.details or error.title)


def _phone(wa_id: str | None) -> Phone | None:
    return Phone(f"+{wa_id}") if wa_id else None
