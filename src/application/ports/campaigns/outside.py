"""What campaigns ask of other contexts: whom they may reach, what may be sent, and the number's line."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Raw, Struct, field

from tidings.domain.campaigns import Campaign, Count, Recipient
from tidings.domain.campaigns.forecasting import Budget
from tidings.domain.errors import Fault
from tidings.domain.kernel import (
    ContactId,
    GroupId,
    MessageId,
    OrganizationId,
    PersonKey,
    Phone,
    PhoneNumberId,
    TemplateId,
    WabaId,
)


class Person(Struct, frozen=True, kw_only=True):
    """A contact as campaigns see one."""

    contact_id: ContactId
    phone: Phone
    person: PersonKey
    name: str = ""
    fields: dict[str, str] = field(default_factory=dict[str, str])
    """What templates can be filled with: firstName, lastName, email, company, ..."""
    zone: str | None = None
    """An IANA time zone, from the contact's attribute `timeZone`."""
    country: str = ""
    """ISO letters of the number's calling code."""
    language: str | None = None
    """What the person reads, from the contact's attribute `language`: a code such as `pt_BR`."""
    blocked: str | None = None
    """Why this person may not be written to, such as `opted_out`."""
    before: Recipient | None = None
    """As the campaign knew the person whose failures are tried again."""


class Audience(Protocol):
    """Who a campaign may reach at this moment; answered by contacts."""

    async def page(
        self, organization: OrganizationId, group: GroupId | None, *, after: ContactId | None, limit: int
    ) -> Sequence[Person]:
        """The next people in order of their id. Raise GroupNotFound of contacts."""
        ...

    async def people(self, organization: OrganizationId, ids: Collection[ContactId]) -> Sequence[Person]:
        """Those of these who exist."""
        ...


class Slot(Struct, frozen=True, kw_only=True):
    """A place in a template that wants a value; `key` names it in a campaign's parameters."""

    key: str
    what: str
    """For people: `body {{1}}`."""


class SendableTemplate(Struct, frozen=True, kw_only=True):
    """An approved template, as far as a campaign must know it."""

    id: TemplateId
    waba_id: WabaId
    name: str
    language: str
    category: str
    quality: str = ""
    """GREEN, YELLOW, RED or nothing that is known."""
    marketing_api: bool = False
    """Whether it goes by way of the Marketing Messages API."""
    slots: tuple[Slot, ...]
    """What must be given."""
    optional: tuple[Slot, ...] = ()
    """What may be given."""
    components: Raw
    """Its components as JSON, for whoever fills them in."""
    translations: tuple["SendableTemplate", ...] = ()
    """The same message in other approved languages, which need no value that this one is not given."""


class Templates(Protocol):
    """What may be sent; answered by templates."""

    async def sendable(self, organization: OrganizationId, id: TemplateId) -> SendableTemplate:
        """Raise NotFound or Conflict (not approved: with its status and reason)."""
        ...

    async def media_ids(
        self, organization: OrganizationId, waba: WabaId, number: PhoneNumberId, values: Sequence[str]
    ) -> dict[str, str]:
        """For each value that names a stored file, the id under which Meta has it for the number.

        Each is good for days to come (fact sheet 3.3). Raise NotFound for a file that is gone, Unavailable.
        """
        ...

    def for_reader(self, template: SendableTemplate, language: str | None) -> SendableTemplate:
        """Of the template and its translations the one that serves a reader of this language best."""
        ...

    def filled(self, template: SendableTemplate, values: Mapping[str, str]) -> Raw:
        """The message with these values as JSON, as it would be handed to Meta. Raise as the fault list."""
        ...

    def faults(self, template: SendableTemplate, values: Mapping[str, str]) -> Sequence[Fault]:
        """What stands in the way of sending the template with these values: one fault a slot."""
        ...


class Capacity(Struct, frozen=True, kw_only=True):
    """A sending number as Meta lets it send."""

    phone_number_id: PhoneNumberId
    quality: str
    per_second: int
    limit: int | None
    """People with whom campaigns may begin to talk in 24 hours; None: no limit is known."""
    used: int
    """How many of them are used up."""
    budgets: Sequence[Budget] = ()
    """What campaigns may use of the organisation's quotas."""


class Outlook(Struct, frozen=True, kw_only=True):
    """When somebody may be written to, as things stand."""

    due: datetime
    why: str = ""
    """What is waited for; or, when `never`, what forbids it."""
    never: bool = False
    in_window: bool = False
    """Whether the person has written within 24 hours."""
    counted: bool = False
    """Whether the person does not count (again) against the messaging limit."""


class Statistics(Protocol):
    """What can be said of shares of people."""

    def bounds(self, count: Count, confidence: float) -> tuple[float, float]:
        """Between which the true share lies."""
        ...

    def lift(self, base: Count, count: Count, confidence: float) -> tuple[float, float]:
        """Between which the true difference of the shares lies, `count` less `base`."""
        ...

    def differ(self, one: Count, other: Count) -> float:
        """The p value of both having the same true share; 1 when nothing is known."""
        ...


class Line(Protocol):
    """The number's line of messages; answered by whatsapp."""

    async def capacity(self, organization: OrganizationId, number: PhoneNumberId) -> Capacity:
        """Raise NumberNotFound of whatsapp."""
        ...

    async def outlook(
        self, campaign: Campaign, template: SendableTemplate, people: Sequence[Person]
    ) -> Sequence[Outlook]:
        """For each of these people, in their order, what the sender would say of them now."""
        ...

    async def try_out(
        self, campaign: Campaign, template: SendableTemplate, recipients: Sequence[Recipient]
    ) -> None:
        """Send to these people outside the campaign, by single messages of the recipients' ids."""

    async def choose_numbers(
        self, organization: OrganizationId, waba: WabaId, wanted: Sequence[PhoneNumberId]
    ) -> Sequence[PhoneNumberId]:
        """The numbers asked for, or the only one of the template's account. Raise NotFound or Conflict."""
        ...

    async def turn(self, campaign: Campaign) -> None:
        """Make the line do as the campaign's state and epoch say; idempotent, and the newest epoch wins.

        After it returned for a paused or cancelled campaign, nothing new leaves. Raise Unavailable.
        """
        ...

    async def hand_over(
        self, campaign: Campaign, template: SendableTemplate, recipients: Sequence[Recipient]
    ) -> None:
        """Put people in line; the same ones again change nothing.

        Raise Unavailable, and Invalid when the template no longer takes the frozen values.
        """
        ...

    async def waiting(self, campaign: Campaign) -> str:
        """What its messages wait for although it runs, such as Meta's messaging limit; empty: nothing."""
        ...

    async def explain(self, organization: OrganizationId, id: MessageId) -> Sequence[Mapping[str, str]]:
        """What happened to a message, in order: `at`, `what`, `detail`; empty when it never stood in line."""
        ...
