"""A newcomer's path: the built wheel in an environment of its own, and from there to a delivered message."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
TEN_LINES = """
import asyncio
from tidings import Tidings
from tidings.application.templates import NewTemplate
from tidings.application.whatsapp.saying import NewMessage
from tidings.domain.templates.components import Body, Category
from tidings.domain.whatsapp.content import Template

async def main():
    async with Tidings.embedded("data") as t:
        me = await t.sign_up("Rowan", "rowan@example.org", "a long pass phrase")
        while not await t.messages.numbers(me):
            await asyncio.sleep(0.1)
        body = Body(text="We open at nine.")
        new = NewTemplate(name="opening", language="en", category=Category.UTILITY, components=(body,))
        template = await t.templates.create(me, new)
        while (await t.templates.get(me, template.id)).status != "APPROVED":
            await asyncio.sleep(0.1)
        hello = Template(name="opening", language="en")
        said = await t.messages.send(me, NewMessage(to="+447700900001", content=hello))
        while (state := (await t.messages.get(me, said.id)).state) not in ("delivered", "read", "failed"):
            await asyncio.sleep(0.1)
        print(state)

asyncio.run(main())
"""


def run(*command, cwd):
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_from_the_wheel_to_a_delivered_message(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    wheel = source / run(sys.executable, "-c", BUILD, source, cwd=source).splitlines()[-1]
    environment, elsewhere = tmp_path / "environment", tmp_path / "elsewhere"
    run(sys.executable, "-m", "venv", environment, cwd=tmp_path)
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    python = environment / "bin" / "python"
    install = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    run(*install, "-q", wheel, cwd=tmp_path)
    elsewhere.mkdir()
    (elsewhere / "ten_lines.py").write_text(TEN_LINES)
    assert run(python, "ten_lines.py", cwd=elsewhere) in ("delivered", "read")
    assert run(environment / "bin" / "tidings", "--version", cwd=elsewhere).endswith("0.1.0")
