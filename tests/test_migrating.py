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
    template_name VARCHAR(100), group_name VARCHAR(100), status VARCHAR(20));
CREATE TABLE campaign_logs (id INT PRIMARY KEY, campaign_id INT, phone_number VARCHAR(20), status VARCHAR(20),
    message_id VARCHAR(100), error_message TEXT, sent_at DATETIME, delivered_at DATETIME, read_at DATETIME,
    created_at DATETIME);
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
INSERT INTO campaigns VALUES (1, 1, 'Spring', NULL, 'opening', 'Friends', 'draft'),
    (2, 1, 'Winter', NULL, 'opening', NULL, 'completed'), (3, 1, 'Orphan', NULL, 'gone', NULL, 'scheduled');
INSERT INTO campaign_logs VALUES
    (1, 2, '+447700900001', 'read', 'wamid.A', NULL, '2026-01-02 09:00:00', '2026-01-02 09:00:05',
     '2026-01-02 10:00:00', '2026-01-02 08:59:00'),
    (2, 2, '447700900002', 'pending', NULL, NULL, NULL, NULL, NULL, '2026-01-02 08:59:00');
INSERT INTO messages VALUES
    (1, 1, '+44 7700 900002', 'text', '{"body": "At nine."}', 'failed', NULL, 'Re-engagement message',
     NULL, NULL, NULL, '2026-03-01 09:00:00'),
    (2, 1, 'nonsense', 'text', '{}', 'sent', NULL, NULL, NULL, NULL, NULL, '2026-03-01 09:00:00');
"""


MANY = 110
"""Drafts: more than a page of them."""
DRAFTS = "INSERT INTO campaigns VALUES " + ", ".join(
    f"({100 + n}, 1, 'Draft {n}', NULL, 'opening', NULL, 'draft')" for n in range(MANY)
)


@pytest.fixture(params=[pytest.param("mariadb", marks=pytest.mark.mysql)])
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
    assert (first["drafts"], first["campaignsLeft"]) == (1 + MANY, ["Winter", "Orphan"])
    assert (first["messages"], first["messagesLeft"]) == (2, 2)
    again = answer(*said, "--user", "1", data=tmp_path)
    assert again == {**first, "drafts": 0}

    async def there():
        async with Tidings.embedded(tmp_path, work=False) as t:
            me = await t.operator()
            people = await t.contacts.page(me, ContactFilter(), number=1)
            ada = next(each for each in people.items if each.first_name == "Ada")
            assert (people.total, ada.phone, ada.is_favorite) == (2, "+447700900001", True)
            assert [each.name for each in ada.groups] == ["Friends"]
            drafts = await t.campaigns.page(me, limit=100, number=2)
            assert (drafts.total, drafts.items[-1].name) == (1 + MANY, "Spring")
            assert {each.state for each in drafts.items} == {"draft"}
            failed, read = (await t.messages.page(me)).items
            assert (failed.to, failed.state, failed.content.body) == ("+447700900002", "failed", "At nine.")
            assert (read.to, read.state, read.content.name) == ("+447700900001", "read", "opening")

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
