"""From data to a page: templates, catalogues of words, and how numbers and moments are written."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import msgspec
from litestar import Request, Response
from minijinja import Environment

PACKAGE = files("tidings.adapters.console")
LANGUAGES: Mapping[str, str] = {"en": "English", "ar": "العربية"}
RIGHT_TO_LEFT = frozenset({"ar"})
THEMES = ("auto", "light", "dark")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere."""


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Words by their English; English itself needs none."""
    file = PACKAGE / "catalogues" / f"{language}.json"
    return msgspec.json.decode(file.read_bytes(), type=dict[str, str]) if file.is_file() else {}


def language_of(chosen: str, accepted: str) -> str:
    """The language that was chosen, or the first of the browser's that there is, or English."""
    if chosen in LANGUAGES:
        return chosen
    wanted = (each.split(";")[0].strip().split("-")[0] for each in accepted.split(","))
    return next((each for each in wanted if each in LANGUAGES), "en")


def number(value: object) -> str:
    """Thousands set apart."""
    return f"{value:,}" if isinstance(value, int | float) else str(value or "")


def moment(value: object) -> str:
    """To the minute, in UTC."""
    if not isinstance(value, str) or not value:
        return ""
    return datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def share(part: int, whole: int) -> str:
    """As a percentage; nothing of nothing is none."""
    return f"{100 * part / whole:.1f}%" if whole else "0%"


@cache
def asset(name: str) -> str:
    """A static file's address, which changes with its bytes, so that browsers may keep it for good."""
    digest = sha256((PACKAGE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/static/{digest}/{name}"


def _source(name: str) -> str | None:
    file = PACKAGE / "pages" / name
    return file.read_text(encoding="utf-8") if file.is_file() else None


@cache
def environment() -> Environment:
    made = Environment(loader=_source)
    made.add_filter("number", number)
    made.add_filter("moment", moment)
    made.add_global("share", share)
    made.add_global("asset", asset)
    made.undefined_behavior = "lenient"
    return made


def page(
    request: Request[Any, Any, Any],
    name: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **given: object,
) -> Response[str]:
    """The page, in the person's language and colours."""
    cookies = request.scope["state"].get("cookies", {})
    language = language_of(cookies.get("tidings_language", ""), request.scope["state"].get("languages", ""))
    words = catalogue(language)

    def say(text: str, **values: object) -> str:
        said = words.get(text, text)
        for key, value in values.items():
            said = said.replace("{" + key + "}", number(value))
        return said

    theme = cookies.get("tidings_theme", "")
    html = environment().render_template(
        name,
        t=say,
        language=language,
        languages=dict(LANGUAGES),
        direction="rtl" if language in RIGHT_TO_LEFT else "ltr",
        theme=theme if theme in THEMES else "auto",
        path=request.url.path,
        sandboxed=request.app.state.get("sandbox") is not None,
        part="hx-request" in request.headers and "hx-boosted" not in request.headers,
        **given,
    )
    more = {
        "content-security-policy": POLICY,
        "cache-control": "no-store",
        "vary": "hx-request",
        **(headers or {}),
    }
    return Response(html, status_code=status, media_type="text/html; charset=utf-8", headers=more)
