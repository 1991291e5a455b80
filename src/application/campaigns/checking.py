"""Whether everyone can be reached with every value filled, before anything is written."""

from collections.abc import Sequence

from tidings.application.campaigns.planning import Planner, Ways
from tidings.application.ports.campaigns import Audience, Person
from tidings.domain.campaigns import Campaign, CannotFill, Missing, NobodyToReach, check_parameters
from tidings.domain.errors import Fault, Invalid

PAGE = 1000
"""People looked at in one go."""
SHOWN = 20
"""Faults named at most; the rest are counted."""


class BadParameters(Invalid):
    """The campaign's parameters do not fit its template."""


async def check_everyone(audience: Audience, planner: Planner, campaign: Campaign, ways: Ways) -> None:
    """Everyone's values for whatever they may get, before anything is written.

    Raise BadParameters, CannotFill, NobodyToReach.
    """
    required = {slot.key: slot.what for words in ways.words for slot in words.slots}
    optional = {slot.key: slot.what for words in ways.words for slot in words.optional}
    if wrong := check_parameters(required, optional, campaign.parameters):
        raise BadParameters("", *wrong)
    reachable, lacking, after = 0, 0, None
    faults: list[Fault] = []
    while people := await audience.page(campaign.organization_id, campaign.group_id, after=after, limit=PAGE):
        after = people[-1].contact_id
        for person in people:
            if person.blocked:
                continue
            reachable += 1
            found = planner.faults(campaign, ways, person)
            if found and campaign.missing is Missing.REFUSE:
                lacking += 1
                if len(faults) < SHOWN:
                    faults += _named(person, campaign, found)
    if lacking:
        raise CannotFill(
            f"{lacking} of {reachable} people lack a value that the template needs; nothing was sent. "
            'Fill it in, give the parameter a fallback, or set "missing" to "skip".',
            *faults,
        )
    if not reachable:
        raise NobodyToReach()


def _named(person: Person, campaign: Campaign, faults: Sequence[Fault]) -> list[Fault]:
    """The faults with the row and the contact's field that they come from."""
    who = person.name or person.phone
    return [
        Fault(
            field=f"{who}: {source.field}" if (source := campaign.parameters.get(fault.field)) else who,
            rule=fault.rule,
            message=f"{fault.field} {fault.message}",
        )
        for fault in faults
    ]
