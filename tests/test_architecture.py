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


def part(module):
    """The part of the picture that a module belongs to."""
    words = module.split(".")
    match words[1:3]:
        case ["application", "ports" | "pausing" as name]:
            return name
        case ["application", *_]:
            return "use cases"
        case ["adapters", name]:
            return name
        case [layer, *_]:
            return layer
    return "tidings"


def picture(imports):
    """Who knows whom, a line for each part, as ARCHITECTURE.md shows it."""
    ours = [(a, b) for a, b in imports if a.startswith("tidings.") and b.startswith("tidings.")]
    parts = sorted({part(a) for a, _ in ours} - {"tidings", "__main__"})
    knows = {
        each: sorted({part(b) for a, b in ours if part(a) == each} - {each, "tidings"}) for each in parts
    }
    width = max(map(len, parts))
    drawn = [(each, ["everything"] if len(told) > len(parts) / 2 else told) for each, told in knows.items()]
    return "".join(f"{each:{width}} ──▶ {', '.join(told) or 'nothing of ours'}\n" for each, told in drawn)


def test_the_picture_of_who_knows_whom_is_true(imports):
    text = (ROOT / "ARCHITECTURE.md").read_text()
    drawn = text.split("<!-- who knows whom -->\n```\n")[1].split("```")[0]
    assert drawn == picture(imports)


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
