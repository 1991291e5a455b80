"""Every page: without a complaint of the browser, of axe, or of the network, in every shape and language."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.console.test_paths import somebody_writes

PAGES = (
    "/",
    "/contacts",
    "/contacts/new",
    "/groups",
    "/segments",
    "/imports",
    "/templates",
    "/templates/new",
    "/campaigns",
    "/campaigns/new",
    "/inbox",
    "/messages",
    "/numbers",
    "/organization",
    "/audit",
    "/account",
    "/sandbox",
    "/reset-password",
    "/invitation",
)
LARGEST_PAGE = 100 * 1024


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_small_and_from_here(page, served, path):
    sizes, elsewhere = [], []

    def took(response):
        if not response.url.startswith(served.url) and not response.url.startswith("data:"):
            elsewhere.append(response.url)
        length = response.header_value("content-length")
        sizes.append(int(length) if length else len(response.body()))

    page.on("response", took)
    reply = page.goto(path, wait_until="networkidle")
    assert reply.status == 200
    assert elsewhere == []
    assert sum(sizes) <= LARGEST_PAGE, sizes
    policy = reply.header_value("content-security-policy")
    assert "unsafe-inline" not in policy
    assert "default-src 'none'" in policy
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/contacts", "/campaigns/new"])
def test_contrast_holds_in_every_light(page, path, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(path, wait_until="networkidle")
    results = Axe().run(page, options={"runOnly": ["color-contrast"]})
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_phone(page, path):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(path, wait_until="networkidle")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0


def test_arabic_is_written_from_right_to_left(page):
    page.goto("/contacts")
    page.get_by_label("Language").select_option("ar")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_load_state()
    assert page.locator("html").get_attribute("dir") == "rtl"
    assert page.locator("html").get_attribute("lang") == "ar"
    assert page.locator("h1").inner_text() == "جهات الاتصال"
    assert Axe().run(page).violations_count == 0


def test_whoever_is_not_signed_in_is_led_to_the_door_and_back(browser, served):
    context = browser.new_context(base_url=served.url)
    page = context.new_page()
    page.goto("/campaigns")
    assert re.search(r"/sign-in\?next=/campaigns$", page.url)
    assert Axe().run(page).violations_count == 0
    page.get_by_label("E-mail").fill(served.email)
    page.get_by_label("Password").fill("a wrong password indeed")
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_role("alert").is_visible()
    assert page.get_by_label("E-mail").input_value() == served.email
    context.close()


def test_a_form_from_elsewhere_is_refused(served):
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {}):
        reply = served.api.post("/sign-out", headers=headers)
        assert reply.status_code == 403


def test_an_address_that_leads_elsewhere_leads_home(served):
    form = {"email": served.email, "password": "correct horse battery staple", "next": "//evil.example"}
    reply = served.api.post("/sign-in", data=form, headers={"sec-fetch-site": "same-origin"})
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    for each in reply.headers.get_list("set-cookie"):
        assert "HttpOnly" in each
        assert "SameSite=lax" in each


def test_the_page_of_one_thing_is_accessible_and_fits_a_phone(page, served):
    template = next(each for each in served.ask("GET", "/api/templates") if each["name"] == "autumn_news")
    draft, sent = served.draft("Draft"), f"/api/campaigns/{served.draft('Sent')}"
    served.ask("POST", f"{sent}/launch")
    served.until(lambda: served.ask("GET", sent)["state"] == "completed")
    person = served.ask("GET", "/api/contacts")[0]
    recipient = served.ask("GET", f"{sent}/recipients")[0]
    message = served.ask("GET", "/api/messages")[0]
    ours = sent.removeprefix("/api")
    somebody_writes(page, "Is this the shop?")
    thread = served.until(lambda: served.ask("GET", "/api/conversations"))[0]
    for path in (
        f"/contacts/{person['id']}",
        f"/templates/{template['id']}",
        f"/campaigns/{draft}",
        ours,
        f"{ours}/people/{recipient['id']}",
        f"/messages/{message['id']}",
        f"/inbox/{thread['id']}",
    ):
        page.set_viewport_size({"width": 1200, "height": 800})
        page.goto(path, wait_until="networkidle")
        results = Axe().run(page)
        assert results.violations_count == 0, (path, results.generate_report())
        page.set_viewport_size({"width": 360, "height": 740})
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path


def test_the_reference_of_the_api_shows_every_operation_from_our_own_files(page, served):
    elsewhere = []
    page.on("request", lambda request: elsewhere.append(request.url))
    page.goto(f"{served.url}/schema")
    # A page of some megabytes, which a browser on a busy machine draws for long.
    page.locator("#operations-tag-Campaigns").click(timeout=120_000)
    page.locator("[data-path='/api/campaigns/{id}/launch']").first.wait_for()
    ours = (served.url, "data:", "blob:")
    assert [url for url in elsewhere if not url.startswith(ours)] == []
