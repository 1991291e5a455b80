"""What a user had on the platform before ours comes over, and a second time nothing changes."""

import asyncio

import pytest
from sqlalchemy import make_url, text

from tests.test_cli import answer, refusal
from tests.test_library import PASSWORD, approved
from tidings import Tidings
from tidings.application.ports.contacts import ContactFilter

TABLES = """
CREATE TABLE users (id INT PRIMARY KEY, email VARCHAR(100), name VARCHAR(100));
CREATE TABLE `groups` (id INT PRIMARY KEY, user_id INT, name VARCHAR(100), description TEXT);
CREATE TABLE contacts (id INT PRIMARY KEY, user_id INT, first_name VARCHAR(50), last_name VARCHAR(50),
    email VARCHAR(100), phone VARCHAR(20), country_code VARCHAR(10) DEFAULT '+1', company VARCHAR(100),
    job_title VARCHAR(100), notes TEXT, is_favorite BOOLEAN DEFAULT FALSE);
CREATE TABLE contact_groups (id INT PRIMARY KEY, contact_id INT, group_id INT);
CREATE TABLE whatsapp_templates (id INT PRIMARY KEY, user_id INT, name VARCHAR(100), language VARCHAR(10),
    status VARCHAR(20), deleted_at DATETIME);
CREATE TABLE campaigns (id INT PRIMARY KEY, user_id INT, name VARCHAR(100), description TEXT,
    template_name VARCHAR(100), group_name VARCHAR(100), status VARCHAR(20), started_at DATETIME,
    created_at DATETIME, updated_at DATETIME);
CREATE TABLE campaign_logs (id INT PRIMARY KEY, campaign_id INT, contact_name VARCHAR(100),
    phone_number VARCHAR(20), status VARCHAR(20), message_id VARCHAR(100), error_message TEXT,
    sent_at DATETIME, delivered_at DATETIME, read_at DATETIME, created_at DATETIME);
CREATE TABLE messages (id INT PRIMARY KEY, user_id INT, phone_number VARCHAR(20), message_type VARCHAR(20),
    content JSON, status VARCHAR(20), meta_message_id VARCHAR(100), error_message TEXT, sent_at DATETIME,
    delivered_at DATETIME, read_at DATETIME, created_at DATETIME);
INSERT INTO users VALUES (1, 'rowan@example.org', 'Rowan'), (2, 'else@example.org', 'Somebody else');
INSERT INTO `groups` VALUES (1, 1, 'Friends', ''), (2, 2, 'Not ours', '');
INSERT INTO contacts VALUES
    (1, 1, 'Ada', 'Lovelace', 'ada@example.org', '7700900001', '+44', 'Engines', 'Countess', 'a note', TRUE),
    (2, 1, 'Grace', NULL, NULL, '7700900002', '+44', NULL, NULL, NULL, FALSE),
    (3, 1, 'Nobody', NULL, NULL, '12', '+44', NULL, NULL, NULL, FALSE),
    (4, 2, 'Not ours', NULL, NULL, '7700900004', '+44', NULL, NULL, NULL, FALSE);
INSERT INTO contact_groups VALUES (1, 1, 1);
INSERT INTO whatsapp_templates VALUES (1, 1, 'opening', 'en', 'APPROVED', NULL),
    (2, 1, 'gone', 'en', 'APPROVED', NULL), (3, 1, 'draft', 'en', 'PENDING', NULL);
INSERT INTO campaigns VALUES 
    (1, 1, 'Spring', NULL, 'opening', 'Friends', 'draft', NULL, '2026-01-01 08:00:00', '2026-01-01 08:00:00'),
    (2, 1, 'Winter', 'Cold', 'opening', NULL, 'completed', '2026-01-02 08:59:00', '2026-01-01 08:00:00',
     '2026-01-02 10:00:00'),
    (3, 1, 'Orphan', NULL, 'gone', NULL, 'scheduled', NULL, '2026-01-01 08:00:00', '2026-01-01 08:00:00'),
    (4, 1, 'Stuck', NULL, 'opening', NULL, 'running', '2026-01-03 08:59:00', '2026-01-01 08:00:00', NULL);
INSERT INTO campaign_logs VALUES
    (1, 2, 'Ada L.', '+447700900001', 'read', 'wamid.A', NULL, '2026-01-02 09:00:00', '2026-01-02 09:00:05',
     '2026-01-02 10:00:00', '2026-01-02 08:59:00'),
    (2, 2, 'Grace', '447700900002', 'pending', NULL, NULL, NULL, NULL, NULL, '2026-01-02 08:59:00'),
    (3, 2, 'Ada L.', '+447700900001', 'sent', 'wamid.B', NULL, '2026-01-02 09:01:00', NULL, NULL,
     '2026-01-02 08:59:00'),
    (4, 2, 'Gone', '+447700900009', 'failed', NULL, 'Message undeliverable', NULL, NULL, NULL,
     '2026-01-02 08:59:00');
INSERT INTO messages VALUES
    (1, 1, '+44 7700 900002', 'text', '{"body": "At nine."}', 'failed', NULL, 'Re-engagement message',
     NULL, NULL, NULL, '2026-03-01 09:00:00'),
    (2, 1, 'nonsense', 'text', '{}', 'sent', NULL, NULL, NULL, NULL, NULL, '2026-03-01 09:00:00');
"""


MANY = 110
"""Drafts: more than a page of them."""
DRAFTS = "INSERT INTO campaigns VALUES " + ", ".join(
    f"({100 + n}, 1, 'Draft {n}', NULL, 'opening', NULL, 'draft', NULL, NULL, NULL)" for n in range(MANY)
)


@pytest.fixture(params=["mariadb", "mysql"])
def before(request):
    """A server with the platform before ours, in one database."""
    server = request.getfixturevalue(f"{request.param}_server")
    database = server.database("whatsapp_platform")

    async def made():
        async with database.begin() as connection:
            for statement in [*TABLES.split(";\n"), DRAFTS]:
                if statement.strip():
                    await connection.execute(text(statement.replace(":", "\\:")))
        await database.close()

    asyncio.run(made())
    url = make_url(server.url)
    return f"mysql://{url.username}@{url.host}:{url.port}"


def test_what_a_user_had_comes_over_once(before, tmp_path):
    async def begun():
        async with Tidings.embedded(tmp_path) as t:
            me = await t.sign_up("Rowan", "rowan@example.org", PASSWORD)
            await approved(t, me)

    asyncio.run(begun())
    said = ("migrate-from", before, "--database", "whatsapp_platform")
    assert "1 (rowan@example.org), 2 (else@example.org)" in " ".join(refusal(*said, data=tmp_path).split())
    first = answer(*said, "--user", "1", data=tmp_path)
    assert (first["people"], len(first["peopleLeft"]), first["groups"]) == (2, 1, 1)
    assert (first["templates"], first["templatesMissing"]) == (1, ["gone"])
    assert (first["drafts"], first["campaigns"], first["campaignsLeft"]) == (1 + MANY, 2, ["Orphan"])
    assert (first["messages"], first["messagesLeft"]) == (4, 2)
    again = answer(*said, "--user", "1", data=tmp_path)
    assert again == {**first, "drafts": 0}

    async def there():
        async with Tidings.embedded(tmp_path, work=False) as t:
            me = await t.operator()
            people = await t.contacts.page(me, ContactFilter(), number=1)
            ada = next(each for each in people.items if each.first_name == "Ada")
            assert (people.total, ada.phone, ada.is_favorite) == (2, "+447700900001", True)
            assert [each.name for each in ada.groups] == ["Friends"]
            listed = [await t.campaigns.page(me, limit=100, number=number) for number in (1, 2)]
            campaigns = {each.name: each for page in listed for each in page.items}
            assert (listed[0].total, campaigns["Spring"].state) == (3 + MANY, "draft")
            assert (campaigns["Winter"].state, campaigns["Stuck"].state) == ("completed", "cancelled")
            failed, *others = (await t.messages.page(me)).items
            read = next(each for each in others if each.wamid == "wamid.A")
            assert (failed.to, failed.state, failed.content.body) == ("+447700900002", "failed", "At nine.")
            assert (read.to, read.state, read.content.name) == ("+447700900001", "read", "opening")
            winter = campaigns["Winter"].id
            report = await t.reports.report(me, winter)
            totals = report.totals
            assert (totals.planned, totals.read, totals.failed, totals.skipped) == (3, 1, 1, 1)
            assert report.consistent
            told = {each.phone: each for each in (await t.reports.recipients(me, winter)).items}
            assert told["+447700900001"].contact_id == ada.id
            assert told["+447700900002"].reason == "was not sent on the platform before"
            why = await t.reports.explain(me, winter, told["+447700900001"].id)
            assert "read" in [step["what"] for step in why.chain]
            assert (await t.campaigns.get(me, winter)).launched_at.isoformat() == "2026-01-02T08:59:00+00:00"

    asyncio.run(there())


def test_what_is_no_such_platform_is_said(before, tmp_path):
    async def begun():
        async with Tidings.embedded(tmp_path, work=False) as t:
            await t.sign_up("Rowan", "rowan@example.org", PASSWORD)

    asyncio.run(begun())
    said = refusal("migrate-from", before, "--database", "nothing_here", data=tmp_path)
    assert "not those of the platform before ours" in " ".join(said.split())
    gone = refusal("migrate-from", "mysql://root@127.0.0.1:1", data=tmp_path)
    assert "cannot be read" in " ".join(gone.split())
