"""What the pages say is so: every piece of Python runs, every command is one, every link leads somewhere."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.test_library import PASSWORD, soon
from tidings import Tidings
from tidings.application.templates import NewTemplate
from tidings.bootstrap.cli import cli
from tidings.domain.templates.components import Body, Category, Example

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BY_THEMSELVES = {"README.md", "first-message.md", "sandbox.md"}
"""Pages whose Python opens the platform itself, or needs none."""


def blocks(page, *languages):
    """The fenced pieces of a page in these languages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.M | re.S)
    return [text for language, text in found if language in languages]


def pages_with(*languages):
    return [pytest.param(page, id=page.name) for page in PAGES if blocks(page, *languages)]


async def run(code, names):
    """Run a piece as a page's reader would, with `await` at its top."""
    compiled = compile(code, "<page>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    done = eval(compiled, names)
    if done is not None:
        await done


@pytest.mark.anyio
@pytest.mark.parametrize("page", pages_with("python"))
async def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    body = Body(text="Hello {{1}}, we open at nine.", example=Example(body_text=(("Ada",),)))
    draft = NewTemplate(name="news", language="en", category=Category.UTILITY, components=(body,))
    (tmp_path / "people.csv").write_text("phone,firstName\n+447700900001,Ada\n")
    names = {"Path": Path, "draft": draft, "__name__": "page"}
    pieces = blocks(page, "python")
    if page.name in BY_THEMSELVES:
        for piece in pieces:
            await run(_here(piece), names)
        return
    async with Tidings.embedded("data") as t:
        me = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
        await soon(lambda: t.messages.numbers(me))
        names |= {"t": t, "me": me}
        for piece in pieces:
            await run(piece, names)


def _here(piece):
    """Without a wait for Meta's review being left to the reader, and without a service elsewhere."""
    piece = piece.replace('Tidings.remote("https://tidings.example.org", key)', 'Tidings.embedded("data")')
    created = "# approved by the sandbox a moment later\n"
    waits = "    while (await t.templates.get(me, template.id)).status != 'APPROVED': pass\n"
    first = "    while not await t.messages.numbers(me): pass\n    template ="
    if created not in piece:
        return piece
    return piece.replace(created, created + waits).replace("    template =", first, 1)


@pytest.mark.parametrize("page", pages_with("", "sh"))
def test_the_commands_of_a_page_are_commands(page):
    for text in blocks(page, "", "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True) if line.startswith("tidings ") else []
            command, context = cli, click.Context(cli, info_name="tidings")
            words = words[1:]
            while words and isinstance(command, click.Group):
                name, command, words = command.resolve_command(context, words)
                context = click.Context(command, info_name=name, parent=context)
            if isinstance(command, click.Group):
                continue
            options = {option for each in command.params for option in each.opts}
            assert {word for word in words if word.startswith("--")} <= options, line


def test_the_site_is_made_and_every_link_in_it_leads_somewhere(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "site" / "people" / "index.html").exists()


def test_every_page_is_in_the_sites_table_of_contents():
    listed = set(re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
    assert listed == {page.name for page in (ROOT / "docs").glob("*.md")}


def test_every_file_that_a_page_names_is_there():
    missing = []
    for page in [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text()):
            if not (page.parent / link).exists():
                missing.append(f"{page.name}: {link}")
    assert missing == []


def test_every_suite_for_adapters_of_others_is_on_the_page_beside_its_module():
    page = (ROOT / "docs" / "reliability.md").read_text()
    rows = [row for row in page.splitlines() if row.startswith("| `")]
    for file in (ROOT / "src" / "testing" / "contracts").glob("*.py"):
        for suite in re.findall(r"^class (\w+Contract)\b", file.read_text(), re.M):
            assert [row for row in rows if f"`{file.stem}`" in row and f"`{suite}`" in row], suite
