"""What every command has in common: its options, how it is run, and how its answer is printed."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console

from tidings.adapters.embedded.system import collect_rarely

T = TypeVar("T")
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

data_option = click.option(
    "--data", type=click.Path(path_type=Path), default=None, help="Folder of the platform's files."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def run(work: Coroutine[Any, Any, T]) -> T:
    collect_rarely()
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


def show_lines(found: Sequence[T], as_json: bool, line: Callable[[T], str]) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for each in found:
            click.echo(line(each))


def answer(answer: object, as_json: bool) -> None:
    encoded = msgspec.json.encode(answer)
    if as_json:
        click.echo(encoded)
    else:
        Console().print_json(json.dumps(msgspec.json.decode(encoded)))
