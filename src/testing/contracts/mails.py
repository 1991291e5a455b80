"""What every way of sending mail promises: a letter arrives whole and once, or its sender is told."""

from collections.abc import Sequence
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidings.application.ports.users import Email, Mail, MailUnavailable

LETTER = Email(
    to="ada@example.org",
    subject="Grüße: Ihre Einladung ✉",
    text="Hello Ada,\n\nhttps://t.example/reset-password#token=" + "x" * 43 + "\n\nمرحبا\n.\nthe end\n",
)
lines = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" "), max_size=90
)


class PostOffice(Protocol):
    """A mail server, and our way to it."""

    @property
    def mail(self) -> Mail: ...

    async def letters(self) -> Sequence[Email]:
        """What has arrived, in its order, with line ends as `\\n`."""
        ...

    async def close(self) -> None:
        """It takes no letter from now on."""
        ...


@pytest.mark.anyio
class MailContract:
    """Subclass it beside a fixture `post` that gives a `PostOffice` of your own."""

    async def test_a_letter_arrives_whole(self, post: PostOffice) -> None:
        await post.mail.send(LETTER)
        assert list(await post.letters()) == [LETTER]

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(subject=lines, text=st.lists(lines, max_size=5))
    async def test_whatever_it_says_it_says_there_and_once(
        self, post: PostOffice, subject: str, text: list[str]
    ) -> None:
        before = len(await post.letters())
        told = Email(to="ada@example.org", subject=subject.strip(), text="\n".join([*text, "the end\n"]))
        await post.mail.send(told)
        assert list(await post.letters())[before:] == [told]

    async def test_no_subject_begins_a_header_of_its_own(self, post: PostOffice) -> None:
        odd = Email(to="a@example.org", subject="Hi\nBcc: x@example.org", text="")
        with pytest.raises(ValueError, match=r"(?i)line|header|newline"):
            await post.mail.send(odd)
        assert await post.letters() == []

    async def test_a_letter_that_nobody_took_is_not_said_to_be_sent(self, post: PostOffice) -> None:
        await post.close()
        with pytest.raises(MailUnavailable):
            await post.mail.send(LETTER)
        assert await post.letters() == []
