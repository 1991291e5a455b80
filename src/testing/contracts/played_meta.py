"""What the suites of Meta's adapters stand on: a Meta that is played, an account there, and its no."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from tidings.application.ports.gateway import TokenMissing
from tidings.domain.kernel import PhoneNumberId, WabaId
from tidings.testing.other_side import OtherSide, Said, said

WABA, NUMBER = WabaId("920000000000101"), PhoneNumberId("310000000000202")
HTML = Said(status=502, body=b"<html>Bad Gateway</html>", headers={"content-type": "text/html"})


@dataclass
class Tokens:
    """The Credentials port."""

    token_of: dict[str, str] = field(default_factory=lambda: {WABA: "EAATOKEN"})

    async def token(self, waba_id: WabaId) -> str:
        if waba_id not in self.token_of:
            raise TokenMissing
        return self.token_of[waba_id]


def refused(code: int, status: int = 400, subcode: int | None = None) -> Said:
    """Meta's no (fact sheet 7)."""
    error = {"message": f"(#{code}) no", "code": code, "error_subcode": subcode, "fbtrace_id": "Ab"}
    return said({"error": error}, status)


class PlayedMeta:
    """Fixtures that yours may ask for: `meta.url` is Meta's address, `tokens` has those of its accounts."""

    @pytest.fixture
    async def meta(self) -> AsyncIterator[OtherSide]:
        async with OtherSide() as meta:
            yield meta

    @pytest.fixture
    def tokens(self) -> Tokens:
        return Tokens()
