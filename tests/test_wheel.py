"""A newcomer's path: the built wheel in an environment of its own, and from there to a delivered message."""

import pytest

from tests.installed import installed, run

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


@pytest.mark.slow
def test_from_the_wheel_to_a_delivered_message(tmp_path):
    python, elsewhere = installed(tmp_path), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "ten_lines.py").write_text(TEN_LINES)
    assert run(python, "ten_lines.py", cwd=elsewhere) in ("delivered", "read")
    assert run(python.parent / "tidings", "--version", cwd=elsewhere).endswith("0.1.0")
