"""The sandbox's page names everything that can be called or set."""

from pathlib import Path

import click
import msgspec
import pytest

from tidings.adapters.sandbox.control import Control
from tidings.adapters.sandbox.server import Sandbox
from tidings.adapters.sandbox.settings import Fate, Faults, Script
from tidings.bootstrap.cli import cli

PAGE = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text()


def test_every_control_call_is_on_the_page():
    calls = Control(Sandbox().director)._calls
    missing = [
        f"{method} /_sandbox/{name}" for method, name in calls if f"`{method} /_sandbox/{name}`" not in PAGE
    ]
    assert missing == []


@pytest.mark.parametrize("settings", [Faults, Script])
def test_every_fault_and_every_line_of_a_script_is_on_the_page(settings):
    names = [field.encode_name for field in msgspec.structs.fields(settings)]
    assert [name for name in names if f"`{name}`" not in PAGE] == []
    assert [fate for fate in Fate if f"`{fate}`" not in PAGE] == []


def test_every_option_of_the_command_is_on_the_page():
    command = cli.commands["sandbox"]
    options = [each.opts[0] for each in command.params if isinstance(each, click.Option)]
    assert [option for option in options if f"`{option}`" not in PAGE] == []
