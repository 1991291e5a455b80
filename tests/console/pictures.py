"""`make pictures`: every page, light, dark and on a phone, into docs/pictures."""

import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SHAPES = {
    "light": {"color_scheme": "light", "width": 1200, "height": 800},
    "dark": {"color_scheme": "dark", "width": 1200, "height": 800},
    "phone": {"color_scheme": "light", "width": 390, "height": 800},
}


def test_pictures_of_every_page(page, served):
    from tests.console.test_pages import PAGES

    FOLDER.mkdir(parents=True, exist_ok=True)
    template = next(each for each in served.ask("GET", "/api/templates") if each["name"] == "autumn_news")
    campaign = served.ask(
        "POST",
        "/api/campaigns",
        name="Autumn news",
        templateId=template["id"],
        parameters={"body.1": {"field": "firstName"}, "body.2": {"text": "London"}},
    )
    served.ask("POST", f"/api/campaigns/{campaign['id']}/launch")
    path = f"/api/campaigns/{campaign['id']}"
    served.until(lambda: served.ask("GET", path)["state"] == "completed")
    person = served.ask("GET", "/api/contacts")[0]
    reached = served.ask("GET", f"{path}/recipients")[0]
    more = {
        "contact": f"/contacts/{person['id']}",
        "template": f"/templates/{template['id']}",
        "campaign": f"/campaigns/{campaign['id']}",
        "why": f"/campaigns/{campaign['id']}/people/{reached['id']}",
    }
    pages = {(each.strip("/").replace("/", "-") or "home"): each for each in PAGES} | more
    for shape, looks in SHAPES.items():
        page.emulate_media(color_scheme=looks["color_scheme"])
        page.set_viewport_size({"width": looks["width"], "height": looks["height"]})
        for name, address in pages.items():
            page.goto(address, wait_until="networkidle")
            page.screenshot(path=FOLDER / f"{name}-{shape}.png")


if __name__ == "__main__":
    sys.exit(pytest.main(["-q", __file__]))
