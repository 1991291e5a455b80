"""A backup is of one moment, and what comes back from it writes to nobody by itself."""

import asyncio
import sqlite3
import tarfile
from datetime import UTC, datetime, timedelta

import pytest

from tests.test_cli import answer, refusal
from tests.test_library import PASSWORD, approved, soon
from tidings import Tidings
from tidings.application.campaigns import NewCampaign
from tidings.application.contacts.people import NewContact
from tidings.application.whatsapp.saying import NewMessage
from tidings.bootstrap import keeping
from tidings.bootstrap.settings import read_settings
from tidings.domain.campaigns import Fill, Schedule, State
from tidings.domain.kernel import Phone
from tidings.domain.whatsapp.content import Template
from tidings.domain.whatsapp.values import Parameter, TemplateComponent

pytestmark = pytest.mark.anyio
PEOPLE = 240


async def under_way(t):
    """A campaign of which some got the message and others have not yet."""
    actor = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
    template = await approved(t, actor)
    for n in range(PEOPLE):
        await t.contacts.add(actor, NewContact(phone=f"+447700900{n:03}", country_code="+44"))
    fill = {"body.1": Fill(field="firstName", fallback="there")}
    campaign = await t.campaigns.create(
        actor, NewCampaign(name="News", template_id=template.id, parameters=fill)
    )
    await t.campaigns.launch(actor, campaign.id)

    async def some():
        totals = (await t.reports.report(actor, campaign.id)).totals
        return 20 <= totals.accepted + totals.sent + totals.delivered + totals.read < PEOPLE - 80

    await soon(some)
    return actor, campaign


async def accounted(t, actor, campaign):
    """The report once nobody waits any more, and it equals a recount. (What Meta told between a backup and
    its return is lost, so some stay as far as they were known.)"""

    async def over():
        report = await t.reports.report(actor, campaign.id)
        waits = report.totals.pending + report.totals.sending
        return report if not waits and report.consistent else None

    return await soon(over, 60)


def attempts(folder):
    """How often it was tried to send."""
    with sqlite3.connect(folder / "whatsapp.db") as whatsapp:
        return whatsapp.execute("SELECT count(*) FROM whatsapp_attempts").fetchone()[0]


async def test_a_backup_made_in_the_middle_comes_back_whole_and_writes_to_nobody(tmp_path):
    here, there, archive = tmp_path / "data", tmp_path / "restored", tmp_path / "backup.tar.gz"
    async with Tidings.embedded(here) as t:
        actor, campaign = await under_way(t)
        # Not by a process of its own: on a slow machine the campaign would be over when it has begun.
        made = await asyncio.to_thread(keeping.make, read_settings({}, data=here), archive)
        assert made.bytes == archive.stat().st_size
        assert archive.stat().st_mode & 0o777 == 0o600
        await accounted(t, actor, campaign)
    said = await asyncio.to_thread(answer, "restore", archive, data=there)
    assert (said["paused"], said["unscheduled"], said["lapsed"]) == (1, 0, 0)
    async with Tidings.embedded(there) as t:
        assert await t.operator() == actor
        held = await t.campaigns.get(actor, campaign.id)
        assert (held.state, held.reason) == (State.PAUSED, keeping.HELD)
        before = attempts(there)
        assert before < PEOPLE
        await asyncio.sleep(1.0)
        assert attempts(there) == before
        await t.campaigns.resume(actor, campaign.id)
        report = await accounted(t, actor, campaign)
        assert report.totals.planned == PEOPLE


async def test_starts_and_single_messages_that_may_have_happened_since_are_held(tmp_path):
    here, there, archive = tmp_path / "data", tmp_path / "restored", tmp_path / "backup.tar.gz"
    async with Tidings.embedded(here) as t:
        actor = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
        template = await approved(t, actor)
        await t.contacts.add(actor, NewContact(phone="+447700900001", country_code="+44"))
        fill = {"body.1": Fill(field="firstName", fallback="there")}
        new = NewCampaign(name="News", template_id=template.id, parameters=fill)
        campaign = await t.campaigns.create(actor, new)
    async with Tidings.embedded(here, work=False) as t:
        due = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=3)
        await t.campaigns.schedule(actor, campaign.id, Schedule(at=due, zone="UTC"))
        body = TemplateComponent(type="body", parameters=(Parameter(text="Ada"),))
        content = Template(name="opening", language="en", components=(body,))
        said = await t.messages.send(actor, NewMessage(to=Phone("+447700900001"), content=content))
    answer("backup", archive, data=here)
    await asyncio.sleep(max((due - datetime.now(UTC).replace(tzinfo=None)).total_seconds(), 0))
    restored = answer("restore", archive, data=there)
    assert (restored["paused"], restored["unscheduled"], restored["lapsed"]) == (0, 1, 1)
    async with Tidings.embedded(there) as t:

        async def ended():
            message = await t.messages.get(actor, said.id)
            return message if message.state == "skipped" else None

        assert (await soon(ended)).reason == "expired"
        held = await t.campaigns.get(actor, campaign.id)
        assert (held.state, held.reason, held.schedule) == (State.DRAFT, keeping.HELD, None)


async def test_what_is_no_backup_or_not_whole_makes_no_folder(tmp_path):
    here, there, archive = tmp_path / "data", tmp_path / "restored", tmp_path / "backup.tar.gz"
    async with Tidings.embedded(here, work=False) as t:
        await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
    answer("backup", archive, data=here)
    assert "not empty" in refusal("restore", archive, data=here)
    assert "choose a place outside" in " ".join(refusal("backup", here / "x", data=here).split())
    whole = archive.read_bytes()
    for wrong in (b"", b"nonsense", whole[: len(whole) // 2]):
        archive.write_bytes(wrong)
        assert "is no backup, or not whole" in " ".join(refusal("restore", archive, data=there).split())
    changed = tmp_path / "changed"
    archive.write_bytes(whole)
    with tarfile.open(archive) as tar:
        tar.extractall(changed, filter="data")
    (changed / "secrets.json").write_text("{}")
    with tarfile.open(archive, "w:gz") as tar:
        for path in changed.iterdir():
            tar.add(path, path.name)
    assert "secrets.json is not as it was" in " ".join(refusal("restore", archive, data=there).split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar.gz", "changed", "data"]


def test_data_on_a_server_is_backed_up_there(tmp_path):
    said = refusal("backup", tmp_path / "x", data=tmp_path, DB_HOST="127.0.0.1")
    assert "database server" in said
    assert not (tmp_path / "x").exists()
