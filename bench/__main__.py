"""`python -m bench [rows...]`: figures of the embedded platform, each beside a bare loop of the same run.

Nothing here passes or fails by a figure: machines differ, and ratios within one run are what can be compared.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from bench.figures import Row, Side, median_of, own_memory

RESULTS = Path(__file__).parent / "results"
REDO_LOG = "--innodb-redo-log-capacity=2G"
"""As docs/scale.md advises, and `compose.yaml` has it."""


class Sizes(Struct, frozen=True):
    """How much of each there is to do."""

    messages: int
    requests: int
    rows: int
    people: int


class Result(Struct, frozen=True):
    """What one run found, and where."""

    at: datetime
    machine: str
    cores: int
    load: float
    """Of the machine before the run: what others did with it."""
    python: str
    sizes: Sizes
    rows: list[Row]
    on: str = "sqlite"
    """What kept the tables."""


# Rows are imported when they are run: processes that multiprocessing spawns read this module again.


def _send(sizes: Sizes) -> Row:
    from bench.sending import send

    return send(sizes.messages)


def _numbers(sizes: Sizes) -> Row:
    from bench.many_numbers import numbers

    return numbers()


def _webhook(sizes: Sizes) -> Row:
    from bench.serving import webhook

    return webhook(sizes.requests)


def _webhooks(sizes: Sizes) -> Row:
    from bench.webhooks import webhooks

    return webhooks(sizes.messages)


def _plan(sizes: Sizes) -> Row:
    from bench.planning import planning

    return planning(sizes.messages)


def _growth(sizes: Sizes) -> Row:
    from bench.growth import growth

    return growth(10_000, sizes.people)


def _growth_messages(sizes: Sizes) -> Row:
    from bench.growth_messages import growth_messages

    return growth_messages(10_000, sizes.people)


def _start(sizes: Sizes) -> Row:
    from bench.starting import start

    return start()


def _import(sizes: Sizes) -> Row:
    from bench.importing import importing

    return importing(sizes.rows)


def _list(sizes: Sizes) -> Row:
    from bench.serving import listing

    return listing(sizes.requests)


def _item(sizes: Sizes) -> Row:
    from bench.people import item

    return item(sizes.requests)


def _item_redis(sizes: Sizes) -> Row:
    from bench.people import item_redis

    return item_redis(sizes.requests)


def _item_mysql(sizes: Sizes) -> Row:
    from bench.people import item_mysql

    return item_mysql(sizes.requests)


def _create(sizes: Sizes) -> Row:
    from bench.people import create

    return create(sizes.requests)


def _login(sizes: Sizes) -> Row:
    from bench.login import login

    return login(max(10, sizes.requests // 10))


def _gateway(sizes: Sizes) -> Row:
    """CPU of a send through the gateway, and of the bare HTTP client, with the same body."""
    from bench import gateway

    figures = {figure.name: figure for figure in gateway.measure(messages=sizes.messages)}
    ours, bare = figures["our gateway"], figures[gateway.BARE]
    memory = own_memory()
    return Row(
        name="gateway",
        unit="sends/s",
        ours=Side(rate=ours.rate, cpu=ours.cpu, memory=memory, done=sizes.messages),
        bare=Side(rate=bare.rate, cpu=bare.cpu, memory=memory, done=sizes.messages),
        ratio=ours.cpu / bare.cpu,
        what="ratio of CPU: less is better; memory is of the one process that did both",
    )


ROWS: Mapping[str, Callable[[Sizes], Row]] = {
    "send": _send,
    "numbers": _numbers,
    "webhook": _webhook,
    "webhooks-1000": _webhooks,
    "import": _import,
    "plan": _plan,
    "list": _list,
    "item": _item,
    "item-redis": _item_redis,
    "item-mysql": _item_mysql,
    "create": _create,
    "growth": _growth,
    "growth-messages": _growth_messages,
    "start": _start,
    "login": _login,
    "gateway": _gateway,
}


def table(rows: Sequence[Row], on: str = "sqlite") -> Table:
    """Two lines a row: ours above the bare loop."""
    shown = Table(title=f"tidings on {on}, beside bare loops in the same run", title_justify="left")
    shown.add_column("row")
    shown.add_column("", style="dim")
    for name in ("figure", "ratio", "p50 ms", "p99 ms", "CPU us", "peak MiB", "queries"):
        shown.add_column(name, justify="right")
    for row in rows:
        shown.add_row(row.name, "ours", *_cells(row, row.ours, f"{row.ratio:.2f}"))
        shown.add_row("", "bare", *_cells(row, row.bare, ""), end_section=True)
    return shown


def _cells(row: Row, side: Side, ratio: str) -> list[str]:
    rest = [(side.p50, 1), (side.p99, 1), (side.cpu, 0), (side.memory, 0), (side.queries, 3)]
    return [
        f"{side.rate:,.0f} {row.unit}",
        ratio,
        *("" if value is None else f"{value:,.{places}f}" for value, places in rest),
    ]


def _say(console: Console, rows: Sequence[Row], on: str) -> None:
    console.print(table(rows, on))
    for row in rows:
        more = "; ".join(f"{name} {value:,.2f}".replace(".00", "") for name, value in row.more.items())
        console.print(f"[bold]{row.name}[/] {row.what}{'. ' + more if more else ''}", style="dim")


@contextmanager
def _server(kind: str) -> Iterator[None]:
    """A server of this run's own, durable as in production, unless the tables are files."""
    from bench.stage import REDIS, SERVER
    from tests.redis_server import redis_of_our_own
    from tests.servers import mariadb_of_our_own, mysql_of_our_own

    with ExitStack() as stack:
        if kind == "mysql":
            os.environ[SERVER] = stack.enter_context(mysql_of_our_own(REDO_LOG, durable=True))
        elif kind == "mariadb":
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="tidings-bench-")))
            os.environ[SERVER] = stack.enter_context(mariadb_of_our_own(folder, durable=True))
        if kind != "sqlite":
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="tidings-bench-")))
            os.environ[REDIS] = stack.enter_context(redis_of_our_own(folder)).url
        yield
        os.environ.pop(SERVER, None)
        os.environ.pop(REDIS, None)


def main(told: Sequence[str] | None = None) -> int:
    """Run, print and write down."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", metavar="row", help=f"of {', '.join(ROWS)}; all when none is named"
    )
    parser.add_argument(
        "--messages",
        type=int,
        default=20_000,
        help="of a campaign: so many that the few retried later weigh little",
    )
    parser.add_argument("--requests", type=int, default=5000, help="to the service")
    parser.add_argument("--import-rows", type=int, default=20_000, help="of the contact file")
    parser.add_argument(
        "--people", type=int, default=1_000_000, help="or messages of the large organisation, beside 10,000"
    )
    parser.add_argument(
        "--on", choices=("sqlite", "mysql", "mariadb"), default="sqlite", help="what keeps the tables"
    )
    parser.add_argument(
        "--times", type=int, default=1, help="of each row; the one of the median ratio counts, all are shown"
    )
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="in place of bench/results/")
    options = parser.parse_args(told)
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"there is no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    sizes = Sizes(options.messages, options.requests, options.import_rows, options.people)
    now, load = datetime.now(UTC), os.getloadavg()[0]
    console, done = Console(width=max(Console().width, 100)), list[Row]()
    with _server(options.on):
        for name in options.rows or ROWS:
            began = time.monotonic()
            done.append(median_of([ROWS[name](sizes) for _ in range(options.times)]))
            console.print(f"{name}: measured in {time.monotonic() - began:.0f} s", style="dim")
    _say(console, done, options.on)
    file = options.json or RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    result = Result(
        at=now,
        machine=platform.machine(),
        cores=os.cpu_count() or 1,
        load=load,
        python=platform.python_version(),
        sizes=sizes,
        rows=done,
        on=options.on,
    )
    file.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2))
    console.print(f"Written to {file}; the machine's load was {load:.1f} before it began.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
