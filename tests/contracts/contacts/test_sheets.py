"""Files as sheets."""

import pytest

from tidings.adapters.sheets.files import FileSheets
from tidings.testing.contracts.contact_sheets import SheetsContract


class TestSheets(SheetsContract):
    @pytest.fixture
    def sheets(self):
        return FileSheets()
