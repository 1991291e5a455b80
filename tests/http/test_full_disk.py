"""F16 on MySQL: a full disk is said, nothing that was acknowledged is lost, and it goes on with room."""

import asyncio
import os

import pytest
from sqlalchemy.engine import make_url

from tests.http.checked import numbers, signed_up, until
from tests.http.test_webhooks import ADA, HOOK, OLD, body, letter, signed, threads
from tests.servers import MysqlServer, NoServer, missing, mysql_on_a_small_disk
from tidings.bootstrap.settings import DATABASES, Settings

pytestmark = [pytest.mark.anyio, pytest.mark.mysql]
LEFT = 2 * 1024 * 1024
"""Bytes that others have not used up, when the disk is as good as full."""
AT_ONCE, MOST = 20, 400
"""Webhooks of 200 kB: more at once than there is room for, however fast they are applied and removed."""


@pytest.fixture(scope="module")
def small():
    """A MySQL with our databases on a disk of its own, its address, and a folder on that disk."""
    try:
        disk = mysql_on_a_small_disk("400m", "--innodb-redo-log-capacity=8M", "--innodb-buffer-pool-size=32M")
        with disk as (url, folder):
            for name in DATABASES.values():
                MysqlServer(url).recreate(name)
            yield make_url(url), folder
    except NoServer as none:
        missing(str(none))


def padded(raw):
    """The same for who reads JSON, and 200 kB long."""
    return raw + b" " * 200_000


async def test_what_was_acknowledged_is_there_when_a_full_disk_has_room_again(small, tmp_path):
    url, folder = small
    settings = Settings(data=tmp_path, app_secrets=(OLD,), db_host=url.host, db_port=url.port)
    async with signed_up(settings) as ask:
        (number,) = await until(lambda: numbers(ask))

        async def bring(n):
            raw = padded(body(number["phoneNumberId"], messages=[letter(f"wamid.{n}")]))
            return await ask.client.post(HOOK, content=raw, headers=signed(raw))

        room = os.statvfs(folder)
        filler = folder / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - LEFT)
        answers = []
        while len(answers) < MOST and all(answer.is_success for answer in answers):
            begun = len(answers)
            answers += await asyncio.gather(*(bring(begun + n) for n in range(AT_ONCE)))
        refused = [n for n, answer in enumerate(answers) if not answer.is_success]
        assert {answers[n].status_code for n in refused} == {503}
        assert all("disk is full" in answers[n].text for n in refused)
        filler.unlink()

        async def taken():
            """Meta brings again what was refused."""
            again = [await bring(n) for n in refused]
            return all(answer.is_success for answer in again)

        async def heard():
            return [thread["unread"] for thread in await threads(ask)] == [len(answers)]

        assert await until(taken)
        assert await until(heard, 60)
        assert (await ask("POST", "/api/contacts", 201, json={"phone": f"+{ADA}", "firstName": "Ada"}))[
            "data"
        ]
