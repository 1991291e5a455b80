"""`python -m bench` measures and writes down; no figure is judged here, machines differ."""

import os
import subprocess
import sys

import msgspec
import pytest

from bench.__main__ import Result, main
from bench.figures import percentiles


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
    assert "send, webhook, webhooks-1000, import, plan, list, growth, login, gateway" in said


def test_percentiles_are_those_of_the_nearest_rank():
    assert percentiles([n / 1000 for n in range(1, 101)]) == pytest.approx((50.0, 99.0))
    assert percentiles([]) == (None, None)
