"""Every type of the domain can be drawn, and what is drawn can be written down and read."""

import importlib
import pkgutil

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

import tidings.domain
from tidings.domain.campaigns import Campaign, Recipient, State
from tidings.domain.contacts.rows import Reader
from tidings.testing.strategies_domain import of

NOT_DATA = {Reader}
"""It holds a function."""


def types_of_the_domain():
    for found in pkgutil.walk_packages(tidings.domain.__path__, "tidings.domain."):
        for each in vars(importlib.import_module(found.name)).values():
            if isinstance(each, type) and issubclass(each, Struct) and each.__module__ == found.name:
                private, generic = each.__name__.startswith("_"), getattr(each, "__parameters__", ())
                if not private and not generic and each not in NOT_DATA:
                    yield each


@pytest.mark.parametrize(
    "kind", list(types_of_the_domain()), ids=lambda kind: f"{kind.__module__}.{kind.__name__}"
)
def test_values_of_every_type_survive_being_written_down(kind):
    @settings(max_examples=5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(of(kind))
    def holds(value):
        assert msgspec.json.decode(msgspec.json.encode(value), type=kind) == value

    holds()


@given(of(Campaign, state=State.RUNNING, name=st.just("Spring")), of(Recipient))
@settings(max_examples=20, deadline=None)
def test_a_field_may_be_told(campaign, recipient):
    assert (campaign.state, campaign.name) == (State.RUNNING, "Spring")
    assert recipient.phone.startswith("+")
    assert recipient.country in ("", "GB", "DE", "BR", "IN")


def test_a_type_of_which_nothing_is_known_is_named():
    with pytest.raises(TypeError, match="complex"):
        of(complex).example()
