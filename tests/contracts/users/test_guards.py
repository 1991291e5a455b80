"""Our own guards."""

from dataclasses import dataclass, field

import pytest

from tidings.adapters.security import AesSealer, AppCodes, Argon2Passwords, JwtTokens
from tidings.testing.contracts.guards import GuardsContract


@dataclass(frozen=True)
class Guards:
    passwords: Argon2Passwords = field(default_factory=Argon2Passwords)
    tokens: JwtTokens = field(default_factory=lambda: JwtTokens(["n" * 40]))
    others: JwtTokens = field(default_factory=lambda: JwtTokens(["o" * 40]))
    sealer: AesSealer = field(default_factory=lambda: AesSealer(["n" * 40]))
    codes: AppCodes = field(default_factory=AppCodes)


@pytest.fixture(scope="module")
def guards():
    return Guards()


class TestGuards(GuardsContract):
    pass
