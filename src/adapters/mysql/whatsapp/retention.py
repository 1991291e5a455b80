"""What was said, once it is older than is wanted."""

from collections.abc import Sequence
from datetime import timedelta

from tidings.adapters.mysql.pruning import Aging, first_id_of
from tidings.adapters.mysql.whatsapp.desk_tables import notes
from tidings.adapters.mysql.whatsapp.tables import attempts, inbound, messages
from tidings.domain.whatsapp.messages import State

WAITING = (State.PENDING, State.SENDING)
"""What may still leave does not go, however long it has waited."""


def said_longer_ago(days: int) -> Sequence[Aging]:
    """Messages both ways, their attempts and the notes beside them; of 0 days nothing ever goes."""
    if not days:
        return ()
    kept = timedelta(days=days)
    over = messages.c.state.not_in(WAITING)
    return (
        Aging(messages, messages.c.id, kept, first_id_of, over),
        *(Aging(table, table.c.id, kept, first_id_of) for table in (attempts, inbound, notes)),
    )
