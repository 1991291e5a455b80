"""Any template that obeys the rules: the strategies of `tidings.testing` do."""

from hypothesis import given, settings

from tidings.domain.templates.rules import check
from tidings.testing.strategies_templates import drafts


@settings(deadline=None)
@given(drafts())
def test_the_templates_made_here_obey_the_rules(draft):
    assert check(draft) == ()
