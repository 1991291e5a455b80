"""What campaigns need of their own tables."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Struct

from tidings.application.ports.common import Inbox, Outbox
from tidings.domain.campaigns import Campaign, Kind, Origin, Outcome, RateCard, Recipient, Response, Tally
from tidings.domain.events import Move
from tidings.domain.kernel import (
    CampaignId,
    ContactId,
    MessageId,
    OrganizationId,
    Page,
    PersonKey,
    TemplateId,
)


class CampaignStore(Protocol):
    """An organisation's campaigns, within one transaction."""

    async def add(self, campaign: Campaign) -> None: ...

    async def get(self, id: CampaignId) -> Campaign:
        """Locked until the transaction ends. Raise CampaignNotFound."""
        ...

    async def ours(self, ids: Collection[CampaignId]) -> Collection[CampaignId]:
        """Those of them that are there, and this organisation's."""
        ...

    async def save(self, campaign: Campaign) -> None: ...

    async def told(self, id: CampaignId, epoch: int) -> None:
        """The line has confirmed this epoch."""

    async def retry_of(self, id: CampaignId, origin: Origin = Origin.RETRY) -> CampaignId | None:
        """The campaign that tries this one's failed people again."""
        ...

    async def sending(self, template: TemplateId) -> Sequence[Campaign]:
        """Campaigns with this template that are planning or running, locked."""
        ...

    async def remove(self, id: CampaignId) -> None:
        """The campaign and all that hangs on it."""

    async def page(
        self, *, state: str | None, cursor: str | None, limit: int, number: int | None = None
    ) -> Page[Campaign]:
        """Newest first, by cursor or by page number (then with a total). Raise BadCursor."""
        ...


class Progress(Struct, frozen=True, kw_only=True):
    """How far planning has come: the last contact that was looked at."""

    after: ContactId | None = None


class ResponseStore(Protocol):
    """What people did after campaigns reached them, within one transaction."""

    async def reached(
        self,
        people: Collection[PersonKey],
        contacts: Collection[ContactId],
        *,
        since: datetime,
        until: datetime,
        held_out: bool = False,
    ) -> Sequence[Recipient]:
        """Recipients among these whom a campaign reached and who moved since, the latest first.

        Of campaigns that were launched before `until`, and within the 30 days before `since`. `held_out`
        counts those too whom an experiment gave nothing on purpose.
        """
        ...

    async def note(self, new: Sequence[Response]) -> None:
        """Keep those whose recipient has none of this kind yet."""

    async def counts(self, campaign: CampaignId) -> Mapping[Kind, int]: ...

    async def by_arm(self, campaign: CampaignId) -> Mapping[tuple[str, Kind], int]:
        """How many of each arm did what."""
        ...

    async def of(self, recipients: Collection[MessageId]) -> Sequence[Response]:
        """In order of time."""
        ...


class SettingsStore(Protocol):
    """What an organisation settled for all its campaigns."""

    async def card(self) -> RateCard | None: ...

    async def put_card(self, card: RateCard) -> None: ...

    async def needs_approval(self) -> bool: ...

    async def put_approval(self, needed: bool) -> None: ...


class Counted(Struct, frozen=True, kw_only=True):
    """Recipients of one kind."""

    country: str
    state: Outcome
    priced: str
    """`regular`, `free_...`, or nothing when Meta has not said."""
    category: str
    count: int


class HourCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """What happened in one hour."""

    hour: datetime
    state: Outcome
    count: int


class ArmCount(Struct, frozen=True, kw_only=True):
    """Recipients of one arm."""

    arm: str
    state: Outcome
    reason: str
    count: int


class RecipientStore(Protocol):
    """The recipients of an organisation's campaigns, within one transaction."""

    async def plan(self, campaign: CampaignId, new: Sequence[Recipient], progress: Progress) -> None:
        """Add recipients that are new by contact, count them, and note how far planning came."""

    async def progress(self, campaign: CampaignId) -> Progress: ...

    async def taken(self, campaign: CampaignId, people: Collection[PersonKey]) -> Collection[PersonKey]:
        """Which of these people the campaign already reaches."""
        ...

    async def known(
        self, campaign: CampaignId, contacts: Collection[ContactId]
    ) -> Mapping[ContactId, MessageId]:
        """Which of these contacts are its recipients already, whatever became of them."""
        ...

    async def failed(
        self,
        campaign: CampaignId,
        *,
        after: ContactId | None = None,
        limit: int,
        code: int | None = None,
        but: int | None = None,
    ) -> Sequence[Recipient]:
        """Those who failed, in order of their contact: with this code of Meta's, or `but` any other."""
        ...

    async def to_hand_over(
        self, campaign: CampaignId, *, arms: Collection[str], limit: int
    ) -> Sequence[Recipient]:
        """Pending recipients of these arms that do not stand in line yet, in order within each."""
        ...

    async def by_arm(self, campaign: CampaignId) -> Sequence[ArmCount]:
        """How many of each arm stand where, the hold-out among them."""
        ...

    async def handed_over(self, campaign: CampaignId, ids: Sequence[MessageId]) -> None:
        """They stand in line now; counted once."""

    async def handed(self, campaign: CampaignId) -> int:
        """How many were handed over so far."""
        ...

    async def by_country(self, campaign: CampaignId) -> Sequence[Counted]: ...

    async def by_hour(self, campaign: CampaignId) -> Sequence[HourCount]:
        """When recipients came to where they stand now."""
        ...

    async def in_line(self, campaign: CampaignId, *, asleep: bool) -> int:
        """Recipients that stand in the number's line for their first try, or are being sent to.

        `asleep` counts those too whose first try waits for its hour, which may be a day away.
        """
        ...

    async def skip_rest(self, campaign: CampaignId, reason: str, *, limit: int) -> int:
        """Skip recipients that do not stand in line yet; how many there were."""
        ...

    async def forget(self, contact: ContactId, people: Collection[PersonKey]) -> None:
        """Blank the numbers, names and values of a contact's recipients; where they stand stays."""

    async def of_person(
        self, contact: ContactId, people: Collection[PersonKey]
    ) -> Sequence[tuple[str, Recipient]]:
        """Everywhere in the organisation's campaigns where the person is, with the campaign's name."""
        ...

    async def fold(self, campaign: CampaignId, moves: Sequence[Move]) -> None:
        """Take over news that is newer than what is known, and move the tallies with it."""

    async def tallies(self, campaign: CampaignId) -> Sequence[Tally]: ...

    async def recount(self, campaign: CampaignId) -> Sequence[Tally]:
        """The tallies counted from the recipients themselves."""
        ...

    async def get(self, campaign: CampaignId, id: MessageId) -> Recipient:
        """Raise RecipientNotFound."""
        ...

    async def of_contact(self, campaign: CampaignId, contact: ContactId) -> Recipient | None: ...

    async def page(
        self, campaign: CampaignId, *, state: Outcome | None, cursor: str | None, limit: int
    ) -> Page[Recipient]:
        """In order of planning. Raise BadCursor."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction for one organisation. Leaving the block commits it; an exception undoes it."""

    campaigns: CampaignStore
    recipients: RecipientStore
    responses: ResponseStore
    settings: SettingsStore
    outbox: Outbox
    inbox: Inbox


Begin: TypeAlias = Callable[[OrganizationId], AbstractAsyncContextManager[Work]]
"""Opens a writing transaction; the `read` of a use case opens one that only looks."""


class ActiveCampaigns(Protocol):
    """The loops' question, across organisations."""

    async def unfinished(self) -> Sequence[Campaign]:
        """Campaigns that are planning or running, or whose line is still to be told of their last turn."""
        ...

    async def due(self, at: datetime) -> Sequence[Campaign]:
        """Scheduled campaigns whose time has come."""
        ...


class LinkReader(Protocol):
    """Tracked links are opened by people who are not signed in, of whatever organisation."""

    async def of(
        self, campaign: CampaignId, recipient: MessageId
    ) -> tuple[Campaign, Recipient | None] | None:
        """None when there is no such campaign."""
        ...
