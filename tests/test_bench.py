"""`python -m bench` measures and writes down; no figure is judged here, machines differ."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import msgspec
import pytest

from bench import compare
from bench.__main__ import Result, Sizes, main
from bench.figures import Row, Side, median_of, percentiles


def test_two_rows_are_measured_beside_their_bare_loops_and_written_as_json(tmp_path):
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench", "import", "gateway"),
            *("--import-rows", "300", "--messages", "60", "--json", str(file)),
        ],
        env={**os.environ, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ours" in done.stdout
    assert "bare" in done.stdout
    result = msgspec.json.decode(file.read_bytes(), type=Result)
    assert [(row.name, row.ours.done) for row in result.rows] == [("import", 300), ("gateway", 60)]
    imported, gateway = result.rows
    assert imported.ratio == pytest.approx(imported.ours.rate / imported.bare.rate)
    assert gateway.ratio == pytest.approx(gateway.ours.cpu / gateway.bare.cpu)
    for side in (imported.ours, imported.bare, gateway.ours, gateway.bare):
        assert min(side.rate, side.cpu, side.memory) > 0


def test_a_row_that_does_not_exist_is_named_beside_those_that_do(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["sned"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "sned" in said
    assert (
        "send, numbers, webhook, webhooks-1000, import, plan, list, item, item-redis, item-mysql, create, "
        "growth, growth-messages, start"
    ) in said.replace("\n", " ")


def a_run(folder, name, rate, *, on="mysql", more=()):
    """A saved run with one row."""
    side = Side(rate=rate, cpu=100.0, queries=0.25, done=10)
    row = Row(name="send", unit="messages/s", ours=side, bare=Side(rate=1000.0), ratio=rate / 1000, what="")
    result = Result(
        at=datetime(2026, 11, 27, tzinfo=UTC),
        machine="x86_64",
        cores=2,
        load=0.0,
        python="3.11.7",
        sizes=Sizes(10, 10, 10, 10),
        rows=[row, *more],
        on=on,
    )
    (folder / name).write_bytes(msgspec.json.encode(result))
    return row


def test_a_run_is_compared_with_the_one_before_it_on_the_same_tables(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    a_run(tmp_path, "1.json", 400.0)
    a_run(tmp_path, "2.json", 900.0, on="sqlite")
    a_run(tmp_path, "3.json", 500.0)
    assert compare.chosen([], tmp_path) == (tmp_path / "1.json", tmp_path / "3.json")
    assert compare.chosen([tmp_path / "2.json"], tmp_path) == (tmp_path / "2.json", tmp_path / "3.json")
    assert compare.main([str(tmp_path / "1.json"), str(tmp_path / "3.json")]) == 0
    said = capsys.readouterr().out
    assert "500 messages/s" in said
    assert "+25 %" in said
    assert "0.250" in said


def test_a_run_that_nothing_can_be_compared_with_is_said(tmp_path, capsys):
    with pytest.raises(compare.NothingToCompare, match="make bench"):
        compare.chosen([], tmp_path)
    a_run(tmp_path, "1.json", 400.0)
    with pytest.raises(compare.NothingToCompare, match="the only run on mysql"):
        compare.chosen([], tmp_path)
    with pytest.raises(SystemExit):
        compare.main([str(tmp_path / "1.json"), str(tmp_path / "none.json")])
    assert "none.json" in capsys.readouterr().err


def test_of_several_times_the_one_in_the_middle_counts_and_all_are_shown(tmp_path):
    rows = [a_run(tmp_path, "x.json", rate) for rate in (500.0, 900.0, 700.0)]
    chosen = median_of(rows)
    assert chosen.ours.rate == 700.0
    assert chosen.more == {
        **{"ratio 1": 0.5, "ratio 2": 0.9, "ratio 3": 0.7},
        **{"rate 1": 500.0, "rate 2": 900.0, "rate 3": 700.0},
    }
    assert median_of(rows[:1]) is rows[0]


def test_percentiles_are_those_of_the_nearest_rank():
    assert percentiles([n / 1000 for n in range(1, 101)]) == pytest.approx((50.0, 99.0))
    assert percentiles([]) == (None, None)
