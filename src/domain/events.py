"""The published language: what one context tells the others, and nothing more.

Every event is a tagged Struct of ids and plain values; its tag is the type on the bus. Changes are
additive only, since consumers may be older; a change of meaning is a new version in the tag. `key`
orders delivery: events of one key arrive in the order in which they were committed.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct, field

from tidings.domain.kernel import (
    CampaignId,
    ContactId,
    ConversationId,
    MessageId,
    OrganizationId,
    PersonKey,
    Phone,
    PhoneNumberId,
    TeamId,
    TemplateId,
    UserId,
    WabaId,
    Wamid,
)


class Event(Struct, frozen=True, kw_only=True):
    """Something that has happened in an organisation."""

    organization_id: OrganizationId

    @property
    def key(self) -> str:
        return str(self.organization_id)


class OrganizationCreated(Event, frozen=True, kw_only=True, tag="users.organization_created.v1"):
    """An organisation exists, with this owner."""

    name: str
    owner_id: UserId


class ConnectedNumber(Struct, frozen=True, kw_only=True):
    """A sending number as Meta described it when its WABA was connected."""

    phone_number_id: PhoneNumberId
    display_phone_number: str
    verified_name: str = ""
    quality_rating: str = "UNKNOWN"
    messages_per_second: int = 80
    messaging_limit: str | None = None
    """In Meta's words: TIER_2K and the like."""


class WabaConnected(Event, frozen=True, kw_only=True, tag="users.waba_connected.v1"):
    """An organisation linked a WhatsApp Business Account, with these numbers."""

    waba_id: WabaId
    numbers: tuple[ConnectedNumber, ...] = ()


class WabaDisconnected(Event, frozen=True, kw_only=True, tag="users.waba_disconnected.v1"):
    """An organisation took its link to a WhatsApp Business Account back; its token is gone."""

    waba_id: WabaId


class MemberRemoved(Event, frozen=True, kw_only=True, tag="users.member_removed.v1"):
    """A user does not belong to the organisation any more."""

    user_id: UserId


class OrganizationClosed(Event, frozen=True, kw_only=True, tag="users.organization_closed.v1"):
    """The last member left: nobody can reach what the organisation has."""


class ChangeMade(Event, frozen=True, kw_only=True, tag="audit.change_made.v1"):
    """Somebody changed something, in any context: what the audit log keeps."""

    user_id: UserId | None
    """None: the system itself."""
    origin: str = ""
    what: str
    """`resource:action`, such as `team:renamed`."""
    subject: str
    """The id of what was changed."""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    at: datetime


class ContactOptedOut(Event, frozen=True, kw_only=True, tag="contacts.opted_out.v1"):
    """A person wants no marketing any more."""

    contact_id: ContactId
    at: datetime
    source: str


class ContactOptedIn(Event, frozen=True, kw_only=True, tag="contacts.opted_in.v1"):
    """A person takes the wish back."""

    contact_id: ContactId
    at: datetime
    source: str


class ContactsMerged(Event, frozen=True, kw_only=True, tag="contacts.merged.v1"):
    """Two contacts turned out to be one person; the absorbed one stands for the kept one from now on."""

    kept_id: ContactId
    absorbed_id: ContactId
    at: datetime


class ContactsParted(Event, frozen=True, kw_only=True, tag="contacts.parted.v1"):
    """A merge was undone: they are two again."""

    kept_id: ContactId
    absorbed_id: ContactId
    at: datetime


class ContactErased(Event, frozen=True, kw_only=True, tag="contacts.erased.v1"):
    """A person must be forgotten: whoever keeps something of them by contact or number removes it."""

    contact_id: ContactId
    people: tuple[PersonKey, ...]
    """Every number and id of the person."""
    at: datetime


class ReplyWanted(Event, frozen=True, kw_only=True, tag="contacts.reply_wanted.v1"):
    """A person is owed a short answer to what they wrote, such as the one confirmation of a STOP."""

    phone_number_id: PhoneNumberId
    to: Phone | None = None
    to_user_id: str | None = None
    wamid: Wamid
    text: str

    @property
    def key(self) -> str:
        return self.to or self.to_user_id or self.wamid


class PreferenceReported(Event, frozen=True, kw_only=True, tag="whatsapp.preference_reported.v1"):
    """Meta says that a person stopped marketing or resumed it: `source` is `user_preferences` or `131050`."""

    sender: Phone | None = None
    sender_user_id: str | None = None
    wish: str
    """`stop` or `start`."""
    source: str
    detail: str = ""
    at: datetime

    @property
    def key(self) -> str:
        return self.sender or self.sender_user_id or ""


class TemplateReported(Event, frozen=True, kw_only=True, tag="whatsapp.template_reported.v1"):
    """Meta said something of a template: `event` is its word (APPROVED, REJECTED, PAUSED, ...)."""

    waba_id: WabaId
    meta_template_id: str
    name: str
    language: str
    event: str
    reason: str | None = None
    at: datetime

    @property
    def key(self) -> str:
        return self.meta_template_id


class TemplateRemarked(Event, frozen=True, kw_only=True, tag="whatsapp.template_remarked.v1"):
    """Meta said something of a template beside its status: `what` is quality, category or components."""

    waba_id: WabaId
    meta_template_id: str
    name: str
    language: str
    what: str
    value: str = ""
    """The new quality; of the others a sync tells more."""
    at: datetime

    @property
    def key(self) -> str:
        return self.meta_template_id


class TemplateStatusChanged(Event, frozen=True, kw_only=True, tag="templates.status_changed.v1"):
    """A template's standing with Meta changed; only APPROVED may be sent."""

    template_id: TemplateId
    status: str
    reason: str | None = None


class TemplateChanged(Event, frozen=True, kw_only=True, tag="templates.changed.v1"):
    """A template's category, quality or content is another than before."""

    template_id: TemplateId
    category: str
    quality: str
    content: bool = False
    """Its components changed."""


class Move(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole present state of one campaign message. The higher `version` is the newer one."""

    message_id: MessageId
    version: int
    state: str
    at: datetime
    wamid: Wamid | None = None
    attempt_no: int = 0
    code: int | None = None
    reason: str | None = None
    priced: str = ""
    """Meta's word on the price: `regular`, `free_customer_service`, `free_entry_point`."""
    price_category: str = ""
    contact_id: ContactId | None = None
    """Whom the message is for, so that contacts know whom it reached."""


class MessagesMoved(Event, frozen=True, kw_only=True, tag="whatsapp.messages_moved.v1"):
    """Messages of one campaign changed state, committed together."""

    campaign_id: CampaignId
    moves: tuple[Move, ...]

    @property
    def key(self) -> str:
        return str(self.campaign_id)


class SinglesMoved(Event, frozen=True, kw_only=True, tag="whatsapp.singles_moved.v1"):
    """Messages that belong to no campaign changed state, committed together."""

    moves: tuple[Move, ...]


class CampaignMoved(Event, frozen=True, kw_only=True, tag="campaigns.moved.v1"):
    """A campaign came into another state."""

    campaign_id: CampaignId
    state: str
    reason: str | None = None
    at: datetime

    @property
    def key(self) -> str:
        return str(self.campaign_id)


class RunHalted(Event, frozen=True, kw_only=True, tag="whatsapp.run_halted.v1"):
    """Sending for a campaign was stopped by a refusal that would meet everyone (fact sheet section 7.5)."""

    campaign_id: CampaignId
    epoch: int
    """Of the campaign's last turn that the line knew; news of before a later turn is stale."""
    code: int
    reason: str

    @property
    def key(self) -> str:
        return str(self.campaign_id)


class MessageReceived(Event, frozen=True, kw_only=True, tag="whatsapp.message_received.v1"):
    """A person wrote to one of the organisation's numbers."""

    message_id: MessageId
    wamid: Wamid
    phone_number_id: PhoneNumberId
    sender: Phone | None = None
    sender_user_id: str | None = None
    profile_name: str = ""
    kind: str
    text: str = ""
    payload: dict[str, str] = field(default_factory=dict)
    reply_to: Wamid | None = None
    """The message of ours that was answered, or whose button was pressed."""
    button: str = ""
    """The payload of the button that was pressed."""
    at: datetime

    @property
    def key(self) -> str:
        return self.sender or self.sender_user_id or self.wamid


class ConversationMoved(Event, frozen=True, kw_only=True, tag="whatsapp.conversation_moved.v1"):
    """A conversation was opened, assigned, answered, handed over, closed, or has waited too long."""

    conversation_id: ConversationId
    phone_number_id: PhoneNumberId
    what: str
    """`opened`, `reopened`, `assigned`, `replied`, `closed`, `handed_off`, `handed_back` or `breached`."""
    stage: str
    handler: str
    team_id: TeamId | None = None
    assignee_id: UserId | None = None
    by: UserId | None = None
    """None: a program, or the person who wrote."""
    at: datetime

    @property
    def key(self) -> str:
        return str(self.conversation_id)


AnyEvent = (
    OrganizationCreated
    | WabaConnected
    | WabaDisconnected
    | MemberRemoved
    | OrganizationClosed
    | ChangeMade
    | ContactOptedOut
    | ContactOptedIn
    | ContactsMerged
    | ContactsParted
    | ContactErased
    | ReplyWanted
    | PreferenceReported
    | TemplateReported
    | TemplateRemarked
    | TemplateStatusChanged
    | TemplateChanged
    | MessagesMoved
    | SinglesMoved
    | CampaignMoved
    | RunHalted
    | MessageReceived
    | ConversationMoved
)
"""Every event there is, as one union that decodes by tag."""
