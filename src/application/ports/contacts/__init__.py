"""What contacts need from the outside: their tables, phone numbers made canonical, and files of rows."""

from tidings.application.ports.contacts.elsewhere import CampaignTraces, MessageTraces
from tidings.application.ports.contacts.files import (
    ImportQueue,
    ImportReader,
    ImportStore,
    Numbering,
    Sheet,
    Sheets,
    Source,
)
from tidings.application.ports.contacts.groups import (
    AttributeReader,
    AttributeStore,
    GroupReader,
    GroupStore,
    SegmentReader,
    SegmentStore,
)
from tidings.application.ports.contacts.history import (
    AliasStore,
    ConsentReader,
    ConsentStore,
    DeedStore,
    MergeReader,
    MergeStore,
    RetentionQueue,
    RetentionStore,
)
from tidings.application.ports.contacts.people import (
    Addressee,
    ContactFilter,
    ContactReader,
    ContactSearch,
    ContactStore,
)
from tidings.application.ports.contacts.work import Begin, Read, Reading, Work

__all__ = [
    "Addressee",
    "AliasStore",
    "AttributeReader",
    "AttributeStore",
    "Begin",
    "CampaignTraces",
    "ConsentReader",
    "ConsentStore",
    "ContactFilter",
    "ContactReader",
    "ContactSearch",
    "ContactStore",
    "DeedStore",
    "GroupReader",
    "GroupStore",
    "ImportQueue",
    "ImportReader",
    "ImportStore",
    "MergeReader",
    "MergeStore",
    "MessageTraces",
    "Numbering",
    "Read",
    "Reading",
    "RetentionQueue",
    "RetentionStore",
    "SegmentReader",
    "SegmentStore",
    "Sheet",
    "Sheets",
    "Source",
    "Work",
]
