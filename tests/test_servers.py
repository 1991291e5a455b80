"""Servers that are not here: loud on a laptop, a failure on CI."""

import pytest

from tests.servers import missing


@pytest.mark.parametrize("environment", [{"CI": "1"}, {"CI": "true"}, {"SERVERS": "required"}])
def test_a_missing_server_is_a_failure_where_servers_are_required(environment):
    with pytest.raises(pytest.fail.Exception, match="no MySQL"):
        missing("no MySQL", environment)


def test_elsewhere_its_tests_are_skipped():
    with pytest.raises(pytest.skip.Exception, match="no MySQL"):
        missing("no MySQL", {})
