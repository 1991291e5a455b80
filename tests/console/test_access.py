"""Who comes in and how: second factors, letters, organisations, and campaigns that need a second person."""

import re
from email import message_from_bytes, policy

import pytest
from playwright.sync_api import expect
from pyotp.totp import TOTP

from tests.console.conftest import PASSWORD

LINK = re.compile(r"http://\S+#token=\S+")


@pytest.fixture
def stranger(browser, served):
    """A page of nobody."""
    context = browser.new_context(base_url=served.url)
    yield context.new_page()
    context.close()


def sign_up(page, name, email):
    page.goto("/sign-up")
    page.get_by_label("Name").fill(name)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make an account").click()
    expect(page.get_by_role("link", name=name)).to_be_visible()


def sign_in(page, email, password=PASSWORD):
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def letter_to(served, email):
    """The link in the newest letter to an address, once there is one."""

    def look():
        for path in sorted(served.letters.glob("*.eml"), reverse=True):
            letter = message_from_bytes(path.read_bytes(), policy=policy.default)
            if letter["To"] == email and (found := LINK.search(letter.get_content())):
                return found[0]
        return None

    return served.until(look)


def test_a_second_factor_is_set_up_asked_for_and_turned_off(stranger):
    page = stranger
    sign_up(page, "Edda", "edda@example.org")
    page.goto("/account")
    page.get_by_role("button", name="Set up a second factor").click()
    secret = page.locator("main code").first.inner_text()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Code").fill(TOTP(secret).now())
    page.get_by_role("button", name="Turn on").click()
    codes = page.locator("main ul code").all_inner_texts()
    assert len(codes) == 10
    page.get_by_role("button", name="Sign out", exact=True).click()
    sign_in(page, "edda@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code of your app", exact=False).fill("123456")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code of your app", exact=False).fill(codes[0])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Edda")).to_be_visible()
    page.goto("/account")
    expect(page.get_by_text("9 recovery codes left", exact=False)).to_be_visible()
    page.get_by_label("Code").fill(codes[1])
    page.get_by_role("button", name="Turn off").click()
    expect(page.get_by_role("button", name="Set up a second factor")).to_be_visible()


def test_somebody_in_two_organisations_goes_from_one_to_the_other(stranger):
    page = stranger
    sign_up(page, "Tove", "tove@example.org")
    page.goto("/organization")
    for name in ("First Shop", "Second Shop"):  # the first names what came with signing up
        page.get_by_text("New organisation").click()
        page.get_by_label("What to call it").fill(name)
        page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="First Shop")).to_be_visible()
    page.get_by_label("Work in").select_option(label="Second Shop")
    page.get_by_role("button", name="Switch").click()
    expect(page.locator(".who")).to_contain_text("Second Shop")
    page.goto("/organization")
    expect(page.get_by_role("heading", name="Second Shop")).to_be_visible()


def test_a_forgotten_password_is_set_anew_by_letter(stranger, served):
    page = stranger
    sign_up(page, "Lior", "lior@example.org")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.goto("/forgot-password")
    page.get_by_label("E-mail").fill("lior@example.org")
    page.get_by_role("button", name="Send a letter").click()
    expect(page.get_by_role("status").filter(has_text="a letter is on its way")).to_be_visible()
    page.goto(letter_to(served, "lior@example.org"))
    assert "token" not in page.url
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Password").fill("another sentence that is long")
    page.get_by_role("button", name="Set the password").click()
    sign_in(page, "lior@example.org", "another sentence that is long")
    expect(page.get_by_role("link", name="Lior")).to_be_visible()
    page.goto("/account")
    page.get_by_label("Password of now").fill("not this one at all")
    page.get_by_label("A new password").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password of now").fill("another sentence that is long")
    page.get_by_label("A new password").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.get_by_role("link", name="Lior")).to_be_visible()


def test_whoever_is_invited_joins_and_approves_what_needs_a_second_person(page, stranger, served):
    page.goto("/organization")
    page.get_by_label("E-mail").fill("signe@example.org")
    page.locator('form[action="/organization/invitations"]').get_by_label("Role").select_option("admin")
    page.get_by_role("button", name="Invite").click()
    stranger.goto(letter_to(served, "signe@example.org"))
    stranger.get_by_role("button", name="Join").click()
    expect(stranger.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    stranger.get_by_label("Name").fill("Signe")
    stranger.get_by_label("Password").fill(PASSWORD)
    stranger.get_by_role("button", name="Join").click()
    expect(stranger.get_by_role("link", name="Signe")).to_be_visible()
    page.goto("/organization")
    page.get_by_label("A second person must approve each campaign").check()
    page.locator('form[action="/organization/approval"] button').click()
    expect(page.get_by_label("A second person must approve each campaign")).to_be_checked()
    try:
        draft = served.draft("Needs two")
        page.goto(f"/campaigns/{draft}")
        page.get_by_role("button", name="Launch").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("alert")).to_be_visible()
        stranger.goto(f"/campaigns/{draft}")
        stranger.get_by_role("button", name="Approve").click()
        expect(stranger.get_by_role("button", name="Approve")).to_have_count(0)
        page.goto(f"/campaigns/{draft}")
        page.get_by_role("button", name="Launch").click()
        expect(page.locator("#totals .state-completed")).to_be_visible(timeout=60_000)
    finally:
        served.ask("PUT", "/api/campaigns/approval", needed=False)
    page.goto("/organization")
    expect(page.get_by_label("A second person must approve each campaign")).not_to_be_checked()
