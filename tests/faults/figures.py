"""A plugin of pytest for `python -m tests.faults`: what was done to whom and what came of it, by fault.

It counts while a test itself runs, its fixtures left out: signals to processes, processes of a played world
that were killed, messages of the campaigns whose ledgers were compared, and breaches.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from tests.faults.page import named_beside_each
from tidings.testing import World, ledgers

KILLS = {signal.SIGKILL: "killed", signal.SIGSTOP: "frozen", signal.SIGTERM: "told to stop"}
COLUMNS = ("tests", "killed", "frozen", "told to stop", "messages", "violations")
PLAYED = "tidings.testing.promise"
_now: Counter[str] | None = None


def _count(name: str, by: int = 1) -> None:
    if _now is not None:
        _now[name] += by


def _watched_signals() -> None:
    send, kill = subprocess.Popen.send_signal, os.kill

    def told(number):
        if number in KILLS:
            _count(KILLS[number])

    def send_signal(self, number):
        told(number)
        return send(self, number)

    def kill_by_id(pid, number):
        # Popen.send_signal, which has counted already, ends here.
        if sys._getframe(1).f_code.co_name != "send_signal":
            told(number)
        return kill(pid, number)

    subprocess.Popen.send_signal, os.kill = send_signal, kill_by_id


def _watched_worlds() -> None:
    crash = World.crash

    async def crashed(self):
        _count("killed")
        await crash(self)

    World.crash = crashed


def _watched_ledgers() -> None:
    check = ledgers.check

    def compared(taken, rows, totals):
        breaches = check(taken, rows, totals)
        if sys._getframe(1).f_globals["__name__"] == PLAYED:
            _count("messages", len(taken))
            _count("violations", len(breaches))
        elif _now is not None:
            # A campaign on real processes is looked at until it has come to its end.
            _now["messages"] = max(_now["messages"], len(taken))
        return breaches

    for module in list(sys.modules.values()):
        if getattr(module, "check", None) is check:
            module.check = compared


def pytest_collection_finish(session):
    _watched_signals()
    _watched_worlds()
    _watched_ledgers()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    global _now
    _now = Counter(tests=1)
    try:
        return (yield)
    except BaseException:
        _now["violations"] += 1
        raise
    finally:
        item.user_properties.append(("figures", dict(_now)))
        _now = None


class Told:
    """The figures of all tests, where they come together."""

    def __init__(self) -> None:
        self.of: dict[str, Counter[str]] = {}

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and (figures := dict(report.user_properties).get("figures")):
            name = report.nodeid.rpartition("::")[2].partition("[")[0]
            self.of.setdefault(name, Counter()).update(figures)

    def pytest_terminal_summary(self, terminalreporter):
        by_fault = {
            fault: sum((self.of.get(name, Counter()) for name in names), Counter())
            for fault, names in named_beside_each().items()
        }
        table = Table("", *COLUMNS, title="Each fault: what was done, and what came of it")
        for fault, figures in by_fault.items():
            table.add_row(fault, *(f"{figures[name]:,}" if figures[name] else "" for name in COLUMNS))
        everything = sum(self.of.values(), Counter())
        table.add_section()
        table.add_row("all", *(f"{everything[name]:,}" for name in COLUMNS))
        console = Console(width=100)
        with console.capture() as shown:
            console.print(table)
        terminalreporter.write(shown.get())
        if path := os.environ.get("FIGURES"):
            told = {fault: {name: figures[name] for name in COLUMNS} for fault, figures in by_fault.items()}
            Path(path).write_text(json.dumps(told | {"all": dict(everything)}, indent=1))


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Told())
