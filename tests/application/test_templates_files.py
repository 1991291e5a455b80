"""Files for headers: told by their content, kept once, and renewed at Meta before they end."""

from uuid import uuid4

import pytest

from tests.application.test_templates_world import WABA, Files, OneWaba, a_world
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.mysql.templates import templates_read_from
from tidings.application.ports.templates import File
from tidings.application.templates import HeaderFiles
from tidings.domain.kernel import NotPermitted, OrganizationId, PhoneNumberId, Role
from tidings.domain.templates.components import Header, HeaderFormat
from tidings.domain.templates.files import FileNotFound, FileRefused, header_format
from tidings.domain.templates.filling import render

pytestmark = pytest.mark.anyio

NUMBER = PhoneNumberId("310000000000202")
OTHER_NUMBER = PhoneNumberId("310000000000203")
JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 400_000
PICTURE = File(name="box.jpg", mime_type="image/jpeg", content=JPEG)


@pytest.fixture
async def world(tmp_path):
    world = await a_world(tmp_path)
    yield world
    await world.database.close()


@pytest.fixture
def meta():
    return Files()


@pytest.fixture
def files(world, meta):
    return HeaderFiles(world.begin, templates_read_from(world.database), meta, OneWaba(), world.clock, uuid7)


async def test_a_file_is_shown_to_meta_and_kept(world, files, meta):
    added = await files.add(world.actor(), PICTURE)
    assert (added.header_handle, added.value) == ("4::1", f"file:{added.file.id}")
    assert (added.file.format, added.file.size) == (HeaderFormat.IMAGE, len(JPEG))
    assert await files.page(world.actor(Role.VIEWER)) == [added.file]
    again = await files.add(world.actor(), PICTURE)
    assert (again.file, again.header_handle) == (added.file, "4::2")
    with pytest.raises(NotPermitted):
        await files.add(world.actor(Role.VIEWER), PICTURE)


async def test_before_sending_it_becomes_metas_id_once_for_each_number(world, files, meta):
    value = (await files.add(world.actor(), PICTURE)).value

    async def ids(number):
        return await files.media_ids(world.organization, WABA, number, [value, "880011", value, "https://x"])

    first = await ids(NUMBER)
    assert meta.media_ids == {first[value]: (NUMBER, JPEG)}
    assert await ids(NUMBER) == first
    other = await ids(OTHER_NUMBER)
    assert other != first
    assert len(meta.media_ids) == 2


async def test_an_id_is_renewed_ten_days_before_it_ends(world, files, meta):
    value = (await files.add(world.actor(), PICTURE)).value
    first = await files.media_ids(world.organization, WABA, NUMBER, [value])
    world.clock.pass_(days=19)
    assert await files.media_ids(world.organization, WABA, NUMBER, [value]) == first
    world.clock.pass_(days=2)
    assert await files.media_ids(world.organization, WABA, NUMBER, [value]) != first


async def test_a_deleted_or_foreign_file_is_not_found(world, files):
    added = await files.add(world.actor(), PICTURE)
    assert await files.unknown(world.organization, {"header": added.value, "body.1": "x"}) == ()
    stranger = OrganizationId(uuid4())
    with pytest.raises(FileNotFound):
        await files.media_ids(stranger, WABA, NUMBER, [added.value])
    await files.delete(world.actor(), added.file.id)
    assert await files.unknown(world.organization, {"header": added.value}) == ("header",)
    with pytest.raises(FileNotFound):
        await files.media_ids(world.organization, WABA, NUMBER, [added.value])
    with pytest.raises(FileNotFound):
        await files.delete(world.actor(), added.file.id)


async def test_a_stored_file_fills_a_header(world, files):
    value = (await files.add(world.actor(), PICTURE)).value
    [sent] = render([Header(format=HeaderFormat.IMAGE)], {"header": value})
    assert sent.parameters[0].image.id == value


@pytest.mark.parametrize(
    ("mime_type", "content", "format"),
    [
        ("image/png", b"\x89PNG\r\n\x1a\n...", HeaderFormat.IMAGE),
        ("video/mp4", b"\0\0\0\x18ftypmp42", HeaderFormat.VIDEO),
        ("application/pdf", b"%PDF-1.7", HeaderFormat.DOCUMENT),
        ("text/plain", "Grüße".encode(), HeaderFormat.DOCUMENT),
    ],
)
async def test_what_a_file_is_for_is_told_by_its_type(mime_type, content, format):
    assert header_format("a", mime_type, content) is format


@pytest.mark.parametrize(
    ("name", "mime_type", "content", "rule"),
    [
        ("a.jpg", "image/jpeg", b"", "empty"),
        ("a.jpg", "image/jpeg", b"<html>", "content"),
        ("a.jpg", "image/jpeg", b"\xff\xd8\xff" + bytes(5 << 20), "max_size"),
        ("a.exe", "application/x-msdownload", b"MZ", "type"),
        ("../a.jpg", "image/jpeg", b"\xff\xd8\xff", "name"),
        ("a.txt", "text/plain", b"\xff\xfe\x00", "content"),
    ],
)
async def test_what_meta_would_not_take_is_refused(name, mime_type, content, rule):
    with pytest.raises(FileRefused) as refused:
        header_format(name, mime_type, content)
    assert [f.rule for f in refused.value.faults] == [rule]
