"""Our own stores of teams, on every engine."""

from tidings.testing.contracts.teams import TeamsContract


class TestTeams(TeamsContract):
    pass
