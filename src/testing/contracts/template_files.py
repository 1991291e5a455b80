"""What the store of header files promises: bytes come back whole, the same bytes are kept once."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tidings.adapters.embedded.system import uuid7
from tidings.domain.kernel import OrganizationId, PhoneNumberId
from tidings.domain.templates.components import HeaderFormat
from tidings.domain.templates.files import FileId, FileNotFound, Media, StoredFile
from tidings.testing.contracts.organizations import OfAnOrganization
from tidings.testing.contracts.template_stores import NOON, Stores

NUMBER = PhoneNumberId("310000000000202")
BYTES = bytes(range(256)) * 10_000 + b"the end"


def a_file(organization: OrganizationId, content: bytes = BYTES, **given: Any) -> StoredFile:
    known: dict[str, Any] = {
        "id": FileId(uuid7()),
        "organization_id": organization,
        "name": "Grüße.pdf",
        "mime_type": "application/pdf",
        "format": HeaderFormat.DOCUMENT,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "created_at": NOON,
    }
    return StoredFile(**known | given)


async def add(stores: Stores, file: StoredFile, content: bytes = BYTES) -> StoredFile:
    async with stores.begin(file.organization_id) as work:
        return await work.files.add(file, content)


@pytest.mark.anyio
class TemplateFilesContract(OfAnOrganization):
    """Subclass it beside a fixture `stores` that gives a `Stores` of your own."""

    async def test_a_file_comes_back_whole(self, stores: Stores, us: OrganizationId) -> None:
        file = a_file(us)
        assert await add(stores, file) == file
        async with stores.reading(us) as look:
            assert await look.files.content(file.id) == (file, BYTES)
            assert await look.files.newest(10) == [file]
            assert await look.files.which({file.id, FileId(uuid4())}) == {file.id}

    async def test_the_same_content_is_kept_once(self, stores: Stores, us: OrganizationId) -> None:
        first = a_file(us)
        await add(stores, first)
        assert await add(stores, a_file(us, name="again.pdf")) == first
        other_type = a_file(us, mime_type="text/plain")
        assert await add(stores, other_type) == other_type
        stranger = OrganizationId(uuid4())
        theirs = a_file(stranger)
        assert await add(stores, theirs) == theirs

    async def test_two_who_add_the_same_at_once_get_the_same(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        kept = await asyncio.gather(*(add(stores, a_file(us)) for _ in range(4)))
        assert len({file.id for file in kept}) == 1
        async with stores.reading(us) as look:
            assert (await look.files.content(kept[0].id))[1] == BYTES

    async def test_no_organization_sees_or_removes_anothers(self, stores: Stores, us: OrganizationId) -> None:
        file = await add(stores, a_file(us))
        stranger = OrganizationId(uuid4())
        async with stores.reading(stranger) as look:
            with pytest.raises(FileNotFound):
                await look.files.content(file.id)
            assert await look.files.which({file.id}) == set()
            assert await look.files.newest(10) == []
        async with stores.begin(stranger) as work:
            with pytest.raises(FileNotFound):
                await work.files.remove(file.id)
        async with stores.begin(us) as work:
            await work.files.remove(file.id)
        async with stores.reading(us) as look:
            assert await look.files.newest(10) == []

    async def test_the_newest_upload_of_a_file_for_a_number_counts(
        self, stores: Stores, us: OrganizationId
    ) -> None:
        file = await add(stores, a_file(us))
        for media_id, days in (("1", 30), ("2", 60)):
            upload = Media(
                file_id=file.id,
                phone_number_id=NUMBER,
                media_id=media_id,
                ends_at=NOON + timedelta(days=days),
            )
            async with stores.begin(us) as work:
                await work.files.uploaded(upload)
        async with stores.reading(us) as look:
            assert await look.files.media(NUMBER, {file.id}) == [upload]
            assert await look.files.media(PhoneNumberId("1"), {file.id}) == []
