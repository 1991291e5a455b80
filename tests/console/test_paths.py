"""What people do on the console, from the first click to the last."""

import re

import pytest
from playwright.sync_api import expect

from tests.console.conftest import PASSWORD


def test_search_as_you_type_and_a_person_changed(page):
    page.goto("/contacts")
    page.get_by_label("Search contacts").press_sequentially("Person 17")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Person 17").click()
    page.get_by_label("Company").fill("Hale Parcels")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Company")).to_have_value("Hale Parcels")
    page.get_by_role("button", name="Stop marketing").click()
    expect(page.get_by_role("button", name="May be written to again")).to_be_visible()
    page.get_by_role("button", name="May be written to again").click()
    expect(page.get_by_role("button", name="Stop marketing")).to_be_visible()


def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(page):
    page.goto("/contacts/new")
    page.get_by_label("Number").fill("12")
    page.get_by_label("First name").fill("Ada")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Number")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("First name")).to_have_value("Ada")


def test_a_template_shows_what_it_will_look_like_while_it_is_written(page):
    page.goto("/templates/new")
    page.get_by_label("Name").fill("Bad Name!")
    page.get_by_label("Body").press_sequentially("Hello {{1}}, we are open.")
    expect(page.locator(".bubble p")).to_have_text("Hello example 1, we are open.")
    expect(page.get_by_text("Meta would refuse it")).to_be_visible()
    page.get_by_label("Name").fill("opening_hours")
    expect(page.get_by_text("Nothing stands in its way.")).to_be_visible()
    page.get_by_role("button", name="Hand in for review").click()
    expect(page.get_by_role("heading", name=re.compile("opening_hours"))).to_be_visible()


def fill_in_the_wizard(page, name):
    """A campaign to the forty customers, up to its button."""
    page.goto("/campaigns/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("To", exact=True).select_option(label="Customers (40)")
    page.get_by_label("Template").select_option(label="autumn_news · en_GB")
    page.get_by_label(re.compile(r"body \{\{2\}\}")).select_option("text")
    page.locator('[name="else:body.2"]').fill("London")


def test_a_campaign_from_the_wizard_to_why_somebody_got_it(page):
    fill_in_the_wizard(page, "Autumn")
    page.get_by_role("button", name="Make a draft").click()
    page.get_by_role("button", name="Launch").click()
    expect(page.locator("#totals .state-completed")).to_be_visible(timeout=60_000)
    expect(page.locator("#people tbody tr")).to_have_count(40)
    page.get_by_role("link", name="Why?").first.click()
    expect(page.get_by_text("campaign launched")).to_be_visible()
    expect(page.get_by_text("accepted by Meta")).to_be_visible()


def test_a_file_is_shown_before_it_is_brought_in(page, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("Vorname,Mobile\nZoë,+447700955001\nBad,12\n", encoding="utf-8")
    page.goto("/imports")
    page.get_by_label("CSV or Excel file").set_input_files(file)
    expect(page.locator("#preview tbody tr")).to_have_count(2)
    page.locator('[name="map:Vorname"]').select_option("firstName")
    page.locator('[name="map:Mobile"]').select_option("phone")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".state-done")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("2 / 2")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Rows with errors").click()
    assert "too_short" in download.value.path().read_text(encoding="utf-8-sig")


def test_a_key_is_shown_once_and_can_be_revoked(page):
    page.goto("/organization")
    page.get_by_text("New key").click()
    page.get_by_label("Name").fill("Shop")
    page.locator('form[action="/organization/keys"]').get_by_label("contacts:read", exact=True).check()
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_text("The key, shown this once:")).to_be_visible()
    page.on("dialog", lambda asked: asked.accept())
    page.locator("li", has_text="Shop").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Shop")).to_have_count(0)


def test_a_connection_that_drops_says_so(page):
    page.goto("/contacts")
    page.context.set_offline(True)
    expect(page.get_by_text("The connection was lost.", exact=False)).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("The connection was lost.", exact=False)).to_be_hidden()


@pytest.mark.complains("[object Event]")
def test_what_was_missed_while_the_connection_was_gone_is_caught_up_with(page, served):
    """The stream's own word on a lost connection is what the browser may complain of here."""
    id = served.draft("Missed")
    served.ask("POST", f"/api/campaigns/{id}/launch")
    page.goto(f"/campaigns/{id}")
    page.context.set_offline(True)
    served.until(lambda: served.ask("GET", f"/api/campaigns/{id}")["state"] == "completed")
    page.context.set_offline(False)
    expect(page.locator("#totals .state-completed")).to_be_visible(timeout=30_000)


def somebody_writes(browser_page, text):
    """On the sandbox's page, in a window of its own."""
    other = browser_page.context.new_page()
    other.goto("/sandbox")
    other.get_by_label("From").fill("+447700900777")
    other.get_by_label("Name").fill("Ines Marsh")
    other.get_by_label("Text").fill(text)
    other.get_by_role("button", name="Write").click()
    expect(other.get_by_label("Text")).to_have_value("")
    other.close()


def test_who_writes_is_taken_answered_and_closed(page):
    page.goto("/inbox")
    somebody_writes(page, "When do you open?")
    expect(page.locator("#rows")).to_contain_text("When do you open?")
    page.get_by_role("button", name="Take next").click()
    page.wait_for_url(re.compile(r"/inbox/[0-9a-f-]{36}$"))
    page.goto("/inbox")
    page.get_by_role("link", name="Ines Marsh").click()
    expect(page.locator("#thread")).to_contain_text("When do you open?")
    page.get_by_label("Answer").fill("At nine.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#thread .said")).to_contain_text("At nine.")
    expect(page.locator("#thread .said")).to_contain_text("read", timeout=15_000)
    somebody_writes(page, "Thank you!")
    expect(page.locator("#thread")).to_contain_text("Thank you!")
    page.get_by_label("Only colleagues see it").fill("A regular")
    page.get_by_role("button", name="Keep note").click()
    expect(page.locator("#thread .note")).to_contain_text("A regular")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_text("Send a template").click()
    page.get_by_label("Template").select_option(label="autumn_news (en_GB)")
    page.locator("#slots input").first.fill("Ada")
    for each in page.locator("#slots input").all()[1:]:
        each.fill("London")
    page.get_by_role("button", name="Send template").click()
    expect(page.locator("#thread .said")).to_have_count(2)
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    page.get_by_role("link", name="Inbox").first.click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    expect(page.locator("#rows")).not_to_contain_text("Thank you!")


def test_the_sandbox_is_told_how_to_behave(page):
    page.goto("/sandbox")
    page.get_by_label("answers").fill("0.5")
    page.get_by_role("button", name="Apply").first.click()
    expect(page.get_by_label("answers")).to_have_value("0.5")
    page.get_by_label("answers").fill("0.03")
    page.get_by_role("button", name="Apply").first.click()
    page.get_by_label("Text").fill("x")
    page.get_by_label("From").fill("nobody")
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_a_segment_is_put_together_by_choosing_and_counted_at_once(page):
    page.goto("/segments")
    page.get_by_label("Name").fill("Tens")
    first = page.locator("fieldset").first
    first.get_by_label("What").select_option(label="firstName")
    first.get_by_label("How").select_option(label="begins with")
    first.get_by_label("Value, or days").press_sequentially("Person 1")
    expect(page.locator("#count")).to_contain_text("11 people fit;")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Tens")).to_be_visible()
    page.get_by_role("link", name="Tens").click()
    expect(page.locator("#rows tbody tr")).to_have_count(11)


def test_a_campaign_is_foreseen_begun_with_a_few_and_may_start_by_itself(page):
    fill_in_the_wizard(page, "Careful")
    page.get_by_label("Begin with a few", exact=False).check()
    page.get_by_label("Minutes to watch after each step").fill("0")
    page.get_by_label("Stop when more than so many per cent fail").fill("50")
    page.get_by_role("button", name="Make a draft").click()
    expect(page.locator("#forecast")).to_contain_text("40")
    page.get_by_text("What some of them would get").click()
    expect(page.locator("#forecast details li")).to_have_count(10)
    page.get_by_text("Start at a time").click()
    page.get_by_label("When").fill("2999-03-28T02:30")
    page.get_by_label("Time zone").fill("Mars")
    page.get_by_role("button", name="Schedule").click()
    expect(page.get_by_label("Time zone")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("When")).to_have_value("2999-03-28T02:30")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_role("button", name="Schedule").click()
    expect(page.get_by_text("Starts by itself at 2999-03-28 01:30 UTC")).to_be_visible()
    page.get_by_role("button", name="Do not start by itself").click()
    page.get_by_role("button", name="Launch").click()
    expect(page.locator("#totals .state-completed")).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as a file").click()
    assert len(download.value.path().read_text(encoding="utf-8-sig").splitlines()) == 41


def test_an_empty_platform_offers_the_demo(browser, served):
    account = {"name": "Noor", "email": "noor@example.org", "password": PASSWORD}
    context = browser.new_context(base_url=served.url)
    page = context.new_page()
    page.goto("/sign-up")
    for label, name in (("Name", "name"), ("E-mail", "email"), ("Password", "password")):
        page.get_by_label(label).first.fill(account[name])
    page.locator("main form button").first.click()
    page.wait_for_url(f"{served.url}/")
    # The sandbox connects a number of its own in a moment.
    served.until(lambda: page.goto("/numbers") and page.locator("tbody tr code, tbody tr td").count() > 1)
    page.goto("/")
    page.get_by_role("button", name="Start the demo").click()
    page.wait_for_url(re.compile(r"/campaigns/[0-9a-f-]{36}$"), timeout=60_000)
    expect(page.locator("#totals")).to_contain_text("2,000", timeout=60_000)
    page.goto("/")
    expect(page.get_by_role("button", name="Start the demo")).to_have_count(0)
    context.close()


def test_a_role_of_our_own_is_made_given_in_an_invitation_and_removed(page):
    page.goto("/organization")
    page.get_by_text("New role").click()
    form = page.locator('form[action="/organization/roles"]')
    form.get_by_label("What it is called").fill("Campaigner")
    form.get_by_label("campaigns:write", exact=True).check()
    form.get_by_role("button", name="Make a role").click()
    expect(page.get_by_text("campaigns:write").first).to_be_visible()
    page.get_by_label("E-mail").fill("ines@example.org")
    page.locator('form[action="/organization/invitations"]').get_by_label("Role").select_option("Campaigner")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_text("ines@example.org")).to_be_visible()
    page.on("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Delete").first.click()
    expect(page.get_by_role("alert").or_(page.get_by_text("None yet.")).first).to_be_visible()


def test_a_template_is_looked_at_for_a_real_contact(page):
    page.goto("/templates/new")
    page.get_by_label("Body").press_sequentially("Hello {{1}}, we are open.")
    page.get_by_label("Look at it as").select_option(label="Person 39")
    page.get_by_label("is for them").select_option("firstName")
    expect(page.locator(".bubble p")).to_have_text("Hello Person 39, we are open.")


def test_a_person_is_known_by_their_numbers_and_forgotten_for_good(page, served):
    made = served.ask("POST", "/api/contacts", phone="+447700977001", firstName="Zora")
    page.goto(f"/contacts/{made['id']}")
    expect(page.get_by_text("Known by")).to_be_visible()
    page.on("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Forget").click()
    page.wait_for_url("**/contacts")
    page.goto("/contacts?search=Zora")
    expect(page.locator("#rows tbody tr", has_text="Zora")).to_have_count(0)


def test_everything_can_be_reached_and_done_with_the_keyboard(page):
    page.goto("/contacts")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").startswith("Skip to content")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.get_by_label("Search contacts").focus()
    page.keyboard.type("Person 17")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    # A row that is put in place of itself by a late answer would lose the focus.
    page.wait_for_load_state("networkidle")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == "Person 17":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Person 17")).to_be_visible()
    # What has the focus is to be seen.
    page.get_by_label("Company").focus()
    style = "getComputedStyle(document.activeElement)"
    assert page.evaluate(f"{style}.boxShadow !== 'none' || {style}.outlineStyle !== 'none'")


def test_a_number_tells_its_limits_and_when_meta_spoke_of_it(page):
    somebody_writes(page, "Is anybody there?")
    page.goto("/numbers")
    expect(page.locator("tbody tr").first).to_contain_text(re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d"))


def test_a_campaign_is_paused_resumed_and_cancelled(page):
    fill_in_the_wizard(page, "Held")
    page.get_by_label("Begin with a few", exact=False).check()
    page.get_by_label("Minutes to watch after each step").fill("600")
    page.get_by_role("button", name="Make a draft").click()
    page.get_by_role("button", name="Launch").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#totals .state-paused")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#totals .state-running")).to_be_visible(timeout=30_000)
    page.on("dialog", lambda asked: asked.accept())
    page.locator("form[action$='/cancel'] button").click()
    expect(page.locator("#totals .state-cancelled")).to_be_visible(timeout=30_000)


def test_a_campaign_that_ends_while_somebody_looks_does_not_take_their_page_away(page, served):
    """What changed is put in anew; the page itself is not loaded again, which would undo a click."""
    fill_in_the_wizard(page, "Watched")
    page.get_by_label("Begin with a few", exact=False).check()
    page.get_by_label("Minutes to watch after each step").fill("600")
    page.get_by_role("button", name="Make a draft").click()
    page.get_by_role("button", name="Launch").click()
    expect(page.locator("#totals .state-running")).to_be_visible()
    page.evaluate("window.stayed = true")
    served.ask("POST", f"/api/campaigns/{page.url.rpartition('/')[2]}/cancel")
    expect(page.locator("#totals .state-cancelled")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    expect(page.get_by_role("link", name="Why?").first).to_be_visible()
    assert page.evaluate("window.stayed")


def test_a_file_may_be_tried_first_and_stays_chosen_when_something_is_wrong(page, tmp_path, served):
    file = tmp_path / "trial.csv"
    file.write_text("Vorname,Mobile\nZadie,07700955101\nBad,12\n", encoding="utf-8")
    page.goto("/imports")
    page.get_by_label("CSV or Excel file").set_input_files(file)
    page.locator('[name="map:Vorname"]').select_option("firstName")
    page.locator('[name="map:Mobile"]').select_option("phone")
    page.get_by_label("Country of numbers").fill("Atlantis")
    page.get_by_label("Only say what would happen").check()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_label("Country of numbers")).to_have_attribute("aria-invalid", "true")
    expect(page.locator('[name="map:Mobile"]')).to_have_value("phone")
    page.get_by_label("Country of numbers").fill("GB")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".state-done")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("2 / 2")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Rows with errors").click()
    assert "too_short" in download.value.path().read_text(encoding="utf-8-sig")
    assert served.ask("GET", "/api/contacts?search=Zadie") == []


def test_a_campaign_is_tried_on_somebody_first(page, served):
    page.goto(f"/campaigns/{served.draft('Tried first')}")
    page.get_by_text("Try it on somebody first").click()
    page.get_by_label("Who gets it").select_option(label="Person 39")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The message is on its way to +447700900039.")).to_be_visible()
    expect(page.locator("#totals")).not_to_contain_text("39")


def test_who_failed_is_tried_again(page, served):
    group = served.ask("POST", "/api/groups", name="Lost")
    served.ask("POST", "/api/contacts", firstName="Lost", phone="+447700966001", groupId=group["id"])
    page.goto("/sandbox")
    share = page.get_by_label("experiment")
    share.fill("1")
    page.get_by_role("button", name="Apply").first.click()
    expect(share).to_have_value("1.0")
    try:
        id = served.draft("Fails", groupId=group["id"])
        page.goto(f"/campaigns/{id}")
        page.get_by_role("button", name="Launch").click()
        expect(page.get_by_role("button", name="Try those who failed again")).to_be_visible(timeout=60_000)
    finally:
        page.goto("/sandbox")
        share.fill("0.01")
        page.get_by_role("button", name="Apply").first.click()
        expect(share).to_have_value("0.01")
    page.goto(f"/campaigns/{id}")
    page.get_by_role("button", name="Try those who failed again").click()
    page.wait_for_url(lambda url: url.rpartition("/")[2] != id)
    expect(page.locator("#people tbody tr")).to_have_count(1)


def test_a_group_is_made_joined_left_and_deleted(page):
    page.goto("/groups")
    page.get_by_label("Name").fill("Regulars")
    page.get_by_label("Description").fill("Who comes every week")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name=re.compile("Regulars"))).to_contain_text("0")
    page.goto("/contacts?search=Person 21")
    page.get_by_role("link", name="Person 21").click()
    page.get_by_label("Put into a group").select_option(label="Regulars")
    page.get_by_role("button", name="Put in").click()
    expect(page.locator(".tag", has_text="Regulars")).to_be_visible()
    page.goto("/groups")
    expect(page.get_by_role("row", name=re.compile("Regulars"))).to_contain_text("1")
    page.get_by_role("link", name="Regulars").click()
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Person 21").click()
    page.get_by_role("button", name="Take out of Regulars").click()
    expect(page.locator(".tag", has_text="Regulars")).to_have_count(0)
    page.goto("/groups")
    page.on("dialog", lambda asked: asked.accept())
    page.get_by_role("row", name=re.compile("Regulars")).get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Regulars")).to_have_count(0)


def test_somebody_is_answered_with_a_canned_reply_and_a_file(page, served, tmp_path):
    served.ask("POST", "/api/canned-replies", shortcut="hours", text="We open at nine.")
    somebody_writes(page, "Are you there?")
    page.goto("/inbox")
    page.get_by_role("link", name="Ines Marsh").first.click()
    page.get_by_label("Or a canned reply").select_option(label="hours: We open at nine.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#thread .said").last).to_contain_text("We open at nine.")
    file = tmp_path / "menu.pdf"
    file.write_bytes(b"%PDF-1.4 a menu")
    page.get_by_label("A file").set_input_files(file)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#thread .said").last).to_contain_text("menu.pdf")
    page.get_by_label("Person").select_option(label="Rowan Hale")
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_label("Person")).to_have_value(served.ask("GET", "/api/auth/profile")["user"]["id"])


def test_the_sandboxs_clock_is_put_forward(page):
    page.goto("/sandbox")
    page.get_by_label("Hours to put it forward by").fill("0.01")
    page.get_by_role("button", name="Put forward").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_text("It is 20", exact=False)).to_be_visible()
