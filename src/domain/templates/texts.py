"""Rules for a template's texts and their placeholders (fact sheet 4.3, 4.4)."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from tidings.domain.templates.components import NamedExample, ParameterFormat
from tidings.domain.templates.faults import Subcode, TemplateFault
from tidings.domain.templates.placeholders import names, placeholders, plain, words

_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u231a\u231b\u23e9-\u23fa\ufe0f\u20e3]"
)
_FORMATTING = re.compile(r"[*~`]|(?<!\w)_[^_\n]+_(?!\w)")
_EXAMPLE = "needs an example for each variable"


class Samples(Struct, frozen=True):
    """The examples that came with a text, and where they belong."""

    path: str
    positional: Sequence[str]
    named: Sequence[NamedExample]


def check_length(path: str, text: str, limit: int) -> Iterator[TemplateFault]:
    if len(text) > limit:
        yield TemplateFault(
            path=path,
            rule="max_length",
            message=f"must have at most {limit} characters, and has {len(text)}",
            subcode=Subcode.TOO_LONG,
        )


def check_undecorated(path: str, text: str, subcode: Subcode) -> Iterator[TemplateFault]:
    """No line breaks, emoji or formatting."""
    rest = plain(text)
    for rule, what, found in (
        ("line_break", "line breaks", "\n" in rest or "\r" in rest),
        ("emoji", "emoji", _EMOJI.search(rest)),
        ("formatting", "formatting such as *bold*, _italic_, ~struck~ or `code`", _FORMATTING.search(rest)),
    ):
        if found:
            yield TemplateFault(path=path, rule=rule, message=f"must not contain {what}", subcode=subcode)


def check_placeholders(
    path: str, text: str, format: ParameterFormat, subcode: Subcode
) -> Iterator[TemplateFault]:
    """Well-formed, of one kind, numbered without gaps, or named once each."""

    def fault(rule: str, message: str) -> TemplateFault:
        return TemplateFault(path=path, rule=rule, message=message, subcode=subcode)

    rest = plain(text)
    if "{{" in rest or "}}" in rest:
        yield fault("braces", "has braces that are not a variable such as {{1}} or {{first_name}}")
    found = placeholders(text)
    positional = [p for p in found if p.positional]
    named = [p for p in found if p.named]
    for odd in (p for p in found if not (p.positional or p.named)):
        yield fault(
            "variable_name", f"{{{{{odd.name}}}}}: use a number, or lower-case letters and underscores"
        )
    if positional and named:
        yield fault("mixed_variables", "mixes numbered and named variables")
    elif positional and format is ParameterFormat.NAMED:
        yield fault("parameter_format", "has numbered variables, and parameter_format is named")
    elif named and format is ParameterFormat.POSITIONAL:
        yield fault("parameter_format", "has named variables: set parameter_format to named")
    numbers = {int(p.name) for p in positional}
    if numbers and numbers != set(range(1, len(numbers) + 1)):
        yield fault("variable_sequence", "must number its variables {{1}}, {{2}}, ... without gaps")
    if len(named) > len({p.name for p in named}):
        yield fault("variable_repeated", "must use each named variable once")


def check_surroundings(path: str, text: str) -> Iterator[TemplateFault]:
    """Words before, after and between variables, and enough of them."""
    found = placeholders(text)
    if not found:
        return
    if not (_has_word(text[: found[0].start]) and _has_word(text[found[-1].end :])):
        yield TemplateFault(
            path=path,
            rule="variable_at_edge",
            message="must have words before its first and after its last variable; marks alone do not count",
            subcode=Subcode.VARIABLE_AT_EDGE,
        )
    if any(not text[a.end : b.start].strip() for a, b in pairwise(found)):
        yield TemplateFault(
            path=path,
            rule="adjacent_variables",
            message="must have words between its variables",
            rejection="INVALID_FORMAT",
        )
    need = 2 * len(names(text)) + 1
    if words(text) < need:
        yield TemplateFault(
            path=path,
            rule="too_many_variables",
            message=f"has too few words for its variables: at least {need} are needed beside them",
            subcode=Subcode.TOO_MANY_VARIABLES,
        )


def check_samples(text: str, format: ParameterFormat, samples: Samples) -> Iterator[TemplateFault]:
    """One example, not empty, for each variable."""
    wanted = names(text)
    if not wanted:
        return
    if format is ParameterFormat.NAMED:
        given = {s.param_name: s.example for s in samples.named}
        complete = set(given) == set(wanted) and len(samples.named) == len(given) and all(given.values())
    else:
        complete = len(samples.positional) == len(wanted) and all(samples.positional)
    if not complete:
        yield TemplateFault(
            path=samples.path,
            rule="example",
            message=f"{_EXAMPLE}: {', '.join('{{' + name + '}}' for name in wanted)}",
            subcode=Subcode.EXAMPLE_MISSING,
        )


def _has_word(text: str) -> bool:
    return any(c.isalnum() for c in text)
