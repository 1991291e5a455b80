"""Words: every one that a page says is in every catalogue, and nothing more."""

import json
import re

import pytest

from tidings.adapters.console.rendering import LANGUAGES, PACKAGE, language_of, moment, number

SAID = re.compile(r"""\bt\((?:"([^"]+)"|'([^']+)')\)|\bt\((?:"([^"]+)"|'([^']+)'),""")


def _said():
    pages = (file for file in (PACKAGE / "pages").iterdir() if file.name.endswith(".html"))
    found = (SAID.findall(file.read_text(encoding="utf-8")) for file in pages)
    return {next(filter(None, each)) for page in found for each in page}


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_a_catalogue_has_a_word_for_everything(language):
    known = json.loads((PACKAGE / "catalogues" / f"{language}.json").read_text(encoding="utf-8"))
    assert _said() - set(known) == set()
    for english, word in known.items():
        assert word, english
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", word))


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [("ar", "en", "ar"), ("", "ar-EG,ar;q=0.9,en;q=0.5", "ar"), ("xx", "fr,de", "en"), ("", "", "en")],
)
def test_the_language_is_the_one_chosen_or_the_browsers(chosen, accepted, language):
    assert language_of(chosen, accepted) == language


def test_numbers_and_moments_are_written_the_same_everywhere():
    assert number(1234567) == "1,234,567"
    assert moment("2026-11-25T07:11:21.462794Z") == "2026-11-25 07:11"
    assert (number(None), moment(None)) == ("", "")
