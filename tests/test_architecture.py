"""The shape of the system, as rules a machine can read."""

import sys
from pathlib import Path

import grimp
import pytest

CONTEXTS = {"users", "teams", "contacts", "templates", "campaigns", "whatsapp"}
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def imports():
    graph = grimp.build_graph("tidings", include_external_packages=True, cache_dir=None)
    return [(a, b) for a in graph.modules for b in graph.find_modules_directly_imported_by(a)]


def context(module):
    """The context that a module belongs to, by its path."""
    return CONTEXTS.intersection(module.split(".")) - (
        {"templates"} if ".meta.templates" in module else set()
    )


def test_contexts_meet_only_in_bootstrap_and_peers(imports):
    assert [
        (a, b)
        for a, b in imports
        if context(a)
        and context(b)
        and context(a) != context(b)
        and not a.startswith(("tidings.bootstrap", "tidings.adapters.peers"))
    ] == []


def test_the_core_needs_nothing_but_the_standard_library_and_msgspec(imports):
    allowed = {"tidings", "msgspec"} | sys.stdlib_module_names
    assert [
        (a, b)
        for a, b in imports
        if a.startswith(("tidings.domain", "tidings.application")) and b.split(".")[0] not in allowed
    ] == []


def test_every_package_is_in_the_wheel():
    import tomllib

    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {
        ".".join(["tidings", *path.parent.relative_to(ROOT / "src").parts])
        for path in (ROOT / "src").rglob("__init__.py")
    }
    assert listed == found


def test_every_module_says_what_it_is():
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "src").rglob("*.py")
        if not path.read_text().lstrip().startswith('"""')
    ]
    assert silent == []


def test_no_module_has_grown_past_its_idea():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "src").rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 420
    }
    assert long == {}
