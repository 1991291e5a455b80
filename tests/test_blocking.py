"""The library without `await`: the same calls, answers and errors, from any thread."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.test_library import PASSWORD
from tidings.application.campaigns import NewCampaign
from tidings.application.contacts.people import NewContact
from tidings.application.ports.contacts import ContactFilter
from tidings.application.templates import NewTemplate
from tidings.blocking import Tidings
from tidings.bootstrap.settings import BadSettings
from tidings.domain.campaigns import State
from tidings.domain.contacts.people import PhoneTaken
from tidings.domain.templates.components import Body, Category


def eventually(question, seconds=20):
    """The first answer that is something, within a while."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, "it did not come to be in time"
        time.sleep(0.05)
    return answer


def test_a_campaign_without_await(tmp_path):
    with Tidings.embedded(tmp_path) as t:
        actor = t.sign_up("Rowan", "rowan@example.org", PASSWORD)
        eventually(lambda: t.messages.numbers(actor))
        new = NewTemplate(
            name="opening",
            language="en",
            category=Category.UTILITY,
            components=(Body(text="We open at nine."),),
        )
        template = t.templates.create(actor, new)
        eventually(lambda: t.templates.get(actor, template.id).status == "APPROVED")

        def add(n):
            return t.contacts.add(actor, NewContact(phone=f"+4477009000{n:02}", country_code="+44"))

        with ThreadPoolExecutor(4) as threads:
            made = list(threads.map(add, range(8)))
        assert len({each.id for each in made}) == 8
        with pytest.raises(PhoneTaken):
            add(0)
        assert t.contacts.page(actor, ContactFilter(), number=1).total == 8
        campaign = t.campaigns.create(actor, NewCampaign(name="News", template_id=template.id))
        t.campaigns.launch(actor, campaign.id)
        *_, last = t.reports.watch(actor, campaign.id)
        assert last.state is State.COMPLETED
        for moment in t.reports.watch(actor, campaign.id):
            assert moment.totals.planned == 8
            break
        assert len(b"".join(t.reports.export(actor, campaign.id)).splitlines()) == 9


def test_a_mode_that_cannot_begin_says_why(tmp_path):
    with pytest.raises(BadSettings, match="DB_HOST"), Tidings.on_servers(data=tmp_path):
        pytest.fail("there is no server to be on")


def test_what_is_not_there_is_not_there_without_await_either(tmp_path):
    with Tidings.embedded(tmp_path, work=False) as t, pytest.raises(AttributeError):
        t.contacts.nonsense()
