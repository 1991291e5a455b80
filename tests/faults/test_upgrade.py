"""A new version takes over a campaign under way: old and new processes beside each other, on MySQL."""

import subprocess
import sys

import pytest

from tests.faults.test_processes import end_of, some_more
from tests.mutants.__main__ import mutated
from tests.shapes.test_shapes import Story, launched
from tests.shapes.topology import running
from tidings.bootstrap.demo import free_port

pytestmark = pytest.mark.mysql
PEOPLE, SLOWER = 1500, ("--throughput", "25")
"""A minute, in which processes of both versions start and stop."""
MIGRATION = '''"""{context} {revision}: a column of the newer version."""

from alembic import op
from sqlalchemy import Column, String

revision, down_revision = "{revision}", "{before}"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column("{table}", Column("note", String(40), nullable=False, server_default="old"))
'''
FIELD = '    note: str = "new"\n'
COLUMN = '    Column("note", String(40), nullable=False, server_default="old"),\n'


def newer(folder):
    """The package as its next version might be: a column more in two tables, a field more in an event."""
    package = mutated(None, folder) / "tidings"

    def put(file, before, more):
        path = package / file
        text = path.read_text()
        assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in {file}"
        path.write_text(text.replace(before, more + before))

    put("adapters/mysql/campaigns/tables.py", "    # A contact is in a campaign once.\n", COLUMN)
    put("domain/campaigns/recipients.py", "    changed_at: datetime\n\n\nclass Tally", FIELD)
    put("adapters/mysql/whatsapp/tables.py", '    Column("waiting", String(200)', COLUMN)
    put("domain/whatsapp/numbers.py", "    waiting: str = ", FIELD)
    put("domain/events.py", '    contact_id: ContactId | None = None\n    """Whom the message is for', FIELD)
    for context, table in (("campaigns", "campaigns_recipients"), ("whatsapp", "whatsapp_runs")):
        versions = package / "adapters" / "mysql" / "migrations" / "versions" / context
        before = max(path.stem[:4] for path in versions.glob("0*.py"))
        revision = f"{int(before) + 1:04}"
        told = MIGRATION.format(context=context, revision=revision, before=before, table=table)
        (versions / f"{revision}_newer.py").write_text(told)
    return {"PYTHONPATH": str(folder)}


def test_old_and_new_processes_work_beside_each_other(tmp_path, on_servers):
    """Tables are migrated under way, new processes start, old ones are killed: the campaign goes on."""
    with running(tmp_path, apart=False, more=on_servers, sandbox=SLOWER) as platform:
        story, new = Story(platform), newer(tmp_path / "newer")
        path, port = launched(story, people=PEOPLE, numbers=1), str(platform.api.base_url.port)
        some_more(story, 20)
        environment = {**platform.environment, **new, "TIDINGS_DATA": str(tmp_path / "data")}
        command = [sys.executable, "-m", "tidings", "migrate"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "campaigns" in done.stdout
        some_more(story, 20)
        platform.tidings("new-worker", "worker", **new)
        platform.tidings("new-service", "serve", "--port", str(free_port()), "--no-send", **new)
        some_more(story, 40)
        old = platform.processes.pop("worker-0")
        old.kill()
        old.wait()
        some_more(story, 20)
        service = platform.processes.pop("service")
        service.terminate()
        assert service.wait(timeout=30) == 0
        platform.tidings("service", "serve", "--port", port, "--no-send", **new)
        story.until(lambda: platform.api.get("/ready").is_success, "the new service")
        assert end_of(story, path)["planned"] == PEOPLE
        # Whoever is told to start as the old version refuses, so what did start is the new one.
        platform.tidings("late", "serve", "--port", str(free_port()), "--no-send")
        late = platform.processes.pop("late")
        assert late.wait(timeout=60) != 0
        assert "which this tidings does not know" in platform.words_of("late")
