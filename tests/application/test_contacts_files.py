"""Files of contacts: every encoding, workbooks, hostile files, imports that are killed, and the way out."""

import csv
import tracemalloc
import zipfile
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from tests.application.test_contacts import (
    EXAMPLE,
    a_file,
    cells,
    counts,
    database,
    known,
    owner,
    somebody,
    world,
)
from tidings.adapters.embedded.system import uuid7
from tidings.adapters.mysql.contacts.imports import SqlImportQueue
from tidings.adapters.sheets.files import FileSheets
from tidings.adapters.sheets.writing import FileTables
from tidings.application.contacts.exporting import Exports
from tidings.application.contacts.groups import NewGroup
from tidings.application.contacts.jobs import ImportJobs, ImportRunner, LostLease
from tidings.application.contacts.people import NewContact
from tidings.application.ports.contacts import ContactFilter
from tidings.domain.contacts.columns import MissingColumn
from tidings.domain.contacts.groups import GroupNotFound
from tidings.domain.contacts.importing import ImportOptions, Policy
from tidings.domain.contacts.jobs import ImportNotFound, ImportOver, JobState
from tidings.domain.contacts.rows import UnreadableFile, neutral, plain
from tidings.domain.errors import Invalid
from tidings.domain.kernel import GroupId

pytestmark = pytest.mark.anyio

__all__ = ["database", "owner", "world"]

LATIN = "phone;firstName;city\n+33612345678;Élodie Lefèvre;Besançon\n+4915112345678;Jürgen Weiß;Köln\n"
CENTRAL = (
    "telefon;imię;miasto\n+48601234567;Małgorzata Wiśniewska;Łódź\n+420601123456;Příliš Žluťoučký;Plzeň\n"
)
CYRILLIC = "телефон;имя;город\n+79161234567;Наталья;Москва\n+79161234568;Михаил;Екатеринбург\n"
GREEK = "τηλέφωνο;όνομα;πόλη\n+306912345678;Γιώργος;Θεσσαλονίκη\n+306912345679;Ελένη;Αθήνα\n"
TURKISH = "telefon;ad;şehir\n+905321234567;Çiğdem Şahin;İstanbul\n+905321234568;Oğuz Güneş;Eskişehir\n"
HEBREW = "טלפון;שם;עיר\n+972502345678;נועה;ירושלים\n+972502345679;יוסף;באר שבע\n"
ARABIC = "هاتف;الاسم;المدينة\n+201001234567;محمود;القاهرة\n+201001234568;فاطمة;الإسكندرية\n"
CHINESE = "手机;姓名;城市\n+8613812345678;王小明;北京\n+8613812345679;李丽华;上海\n"
TAIWAN = "電話;姓名;城市\n+886912345678;陳怡君;臺北\n+886912345679;林志明;高雄\n"
JAPANESE = "電話番号;名前;都市\n+819012345678;山田太郎;東京\n+819012345679;すずきはなこ;おおさか\n"
KOREAN = "전화번호;이름;도시\n+821012345678;김민수;서울\n+821012345679;이영희;부산\n"
THAI = "phone;ชื่อ;เมือง\n+66812345678;สมชาย ใจดี;กรุงเทพ\n+66812345679;มาลี สุขใจ;เชียงใหม่\n"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        *(
            (each, LATIN + CENTRAL[CENTRAL.index("\n") + 1 :])
            for each in ("utf-8", "utf-8-sig", "utf-16", "utf-32")
        ),
        *((each, LATIN) for each in ("utf-16-le", "utf-16-be", "cp1252", "iso8859-15", "mac-roman", "cp850")),
        *((each, CENTRAL) for each in ("cp1250", "iso8859-2")),
        *((each, CYRILLIC) for each in ("cp1251", "koi8-r", "cp866")),
        ("cp1253", GREEK),
        ("cp1254", TURKISH),
        ("cp1255", HEBREW),
        ("cp1256", ARABIC),
        ("gb18030", CHINESE * 3),
        ("big5", TAIWAN * 3),
        ("shift_jis", JAPANESE * 3),
        ("euc-jp", JAPANESE * 3),
        ("euc-kr", KOREAN * 3),
        ("cp874", THAI),
    ],
)
async def test_a_file_says_the_same_in_every_encoding(world, owner, tmp_path, encoding, text):
    path = tmp_path / "people.csv"
    path.write_bytes(text.encode(encoding))
    header, *rows = [line.split(";") for line in text.splitlines()]
    preview = await world.imports.preview(owner, path)
    assert [column.header for column in preview.columns] == header
    assert [column.examples[:2] for column in preview.columns] == [
        (first, second) for first, second in zip(rows[0], rows[1], strict=True)
    ]


async def test_an_encoding_can_be_told_and_must_exist(world, owner, tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes("phone;name\n+33612345678;é\n".encode("cp1252"))
    preview = await world.imports.preview(owner, path, ImportOptions(encoding="cp1251"))
    assert preview.columns[1].examples == ("й",)
    for wrong in ("utf-8", "nonsense"):
        with pytest.raises(UnreadableFile):
            await world.imports.preview(owner, path, ImportOptions(encoding=wrong))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
async def test_no_bytes_crash_the_reading_or_are_half_applied(world, tmp_path, content):
    actor = somebody()
    path = tmp_path / "hostile"
    path.write_bytes(content)
    try:
        report = await world.imports.import_file(actor, path)
    except Invalid:
        report = None
    page = await world.contacts.page(actor, ContactFilter(), number=1)
    assert page.total == (report.created if report else 0)


async def test_a_line_of_three_gigabytes_is_refused_within_little_memory(world, owner, tmp_path):
    path = tmp_path / "endless.csv"
    with path.open("wb") as file:
        file.write(b"phone,name\n" + b"x" * 3_000_000)
        file.truncate(3 * 2**30)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableFile) as refused:
            await world.imports.import_file(owner, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [fault.rule for fault in refused.value.faults] == ["line"]
    assert peak < 50_000_000
    assert (await world.contacts.page(owner, ContactFilter(), number=1)).total == 0


def a_workbook(path: Path, *rows: list[object]) -> Path:
    book = Workbook()
    book.active.title = "Empty"
    sheet = book.create_sheet("People")
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


async def test_a_file_of_a_header_alone_is_previewed_without_examples(world, owner, tmp_path):
    found = await world.imports.preview(owner, a_file(tmp_path, []))
    assert (found.rows, [column.examples for column in found.columns]) == (0, [()])


async def test_a_workbook_is_read_like_a_text_file(world, owner, tmp_path):
    path = a_workbook(
        tmp_path / "people.xlsx",
        ["phone", "firstName", "since", "score", "optedOut"],
        [447700900123.0, "Zoë", date(2026, 1, 31), 1.5, True],
        [None, None],
        ["+44 7700 900124", "=1+1", None, 2, False],
        ["12", "Bad"],
    )
    report = await world.imports.import_file(owner, path, ImportOptions(country="GB"))
    assert (report.encoding, report.created, report.failed) == ("xlsx", 2, 1)
    assert [(error.row, error.field) for error in report.errors] == [(5, "phone")]
    second, first = (await world.contacts.page(owner, ContactFilter())).items
    assert (first.phone, first.first_name, first.opted_out) == ("+447700900123", "Zoë", True)
    assert first.attributes == {"since": "2026-01-31", "score": "1.5"}
    assert second.attributes == {"score": "2"}


async def test_archives_that_are_no_workbooks_or_bombs_are_refused(world, owner, tmp_path, monkeypatch):
    def archive(name: str, **entries: bytes) -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for entry, body in entries.items():
                out.writestr(entry.replace("__", "/").replace("Types", "[Content_Types].xml"), body)
        return path

    whole = a_workbook(tmp_path / "whole.xlsx", ["phone"], ["+447700900123"]).read_bytes()
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(whole[: len(whole) // 2])
    monkeypatch.setattr("tidings.adapters.sheets.workbooks.MAX_UNPACKED", 1 << 20)
    for path, said in (
        (archive("notes.zip", notes=b"x"), "no workbook"),
        (archive("bomb.xlsx", Types=b"x", xl__big=b"0" * (2 << 20)), "too much"),
        (archive("empty.xlsx", Types=b"x"), "damaged"),
        (cut, "damaged"),
        (a_workbook(tmp_path / "blank.xlsx"), "no rows"),
    ):
        with pytest.raises(UnreadableFile) as refused:
            await world.imports.import_file(owner, path)
        assert said in str(refused.value)


@given(st.text(max_size=20))
def test_cells_are_neutral_and_come_back_as_they_were(value):
    assert plain(neutral(value)) == value
    assert not neutral(value).startswith(("=", "+", "-", "@", "\t", "\r", "＝"))


@pytest.fixture
def exports(world):
    return Exports(world.contacts.reading, FileTables(), world.now)


async def test_what_goes_out_comes_back_in_and_runs_nowhere(world, exports, owner, tmp_path):
    group = await world.groups.add(owner, NewGroup(name="VIP"))
    await world.contacts.add(
        owner,
        NewContact(
            phone="+447700900123", first_name='=cmd|" /C calc"!A1', last_name="José; X", notes="a\nb",
            company="'quoted", is_favorite=True, group_id=group.id, attributes={"shoeSize": "-42"},
        ),
    )  # fmt: skip
    await world.contacts.add(owner, NewContact(phone="+5511987654321"))
    before = await known(world, owner)
    for kind in ("csv", "xlsx"):
        content = b"".join([piece async for piece in await exports.export(owner, ContactFilter(), kind)])
        path = tmp_path / f"out.{kind}"
        path.write_bytes(content)
        if kind == "csv":
            rows = list(csv.reader(StringIO(content.decode("utf-8-sig"))))
            assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows[1:] for cell in row)
        else:
            sheet = load_workbook(BytesIO(content)).active
            assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "inlineStr", "n"}
        other = somebody()
        report = await world.imports.import_file(other, path)
        assert (report.created, report.failed) == (2, 0)
        assert await known(world, other) == before
        again = await world.imports.import_file(owner, path, ImportOptions(policy=Policy.UPDATE))
        assert again.unchanged == 2
    only = [p async for p in await exports.export(owner, ContactFilter(group_id=group.id))]
    assert b"".join(only).count(b"\r\n") == 2
    for wanted, kind, error in (
        (ContactFilter(), "pdf", Invalid),
        (ContactFilter(group_id=GroupId(uuid4())), "csv", GroupNotFound),
    ):
        with pytest.raises(error):
            await exports.export(owner, wanted, kind)


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Killer:
    """Kills in the middle of the n-th batch from now: before its transaction, within it, or after it."""

    world: object
    left: int | None = None
    moments: list[str] = field(default_factory=list)

    def note(self, moment: str) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Killed(moment)


@pytest.fixture
def jobs(world):
    async def sleep(_: float) -> None:
        world.at += timedelta(seconds=1)

    return ImportJobs(
        world.contacts.begin, world.contacts.reading, FileSheets(), FileTables(),
        world.imports.importer, world.now, uuid7, sleep,
    )  # fmt: skip


def a_runner(world, database, name="one", batch=3, begin=None):
    importer = world.imports.importer
    importer = type(importer)(
        begin or importer.begin, importer.reading, importer.numbering, world.now, uuid7, batch
    )
    return ImportRunner(
        SqlImportQueue(database), world.contacts.begin, world.contacts.reading, FileSheets(), importer,
        world.now, uuid7, name,
    )  # fmt: skip


async def run_all(runner) -> None:
    for _ in range(20):
        if not await runner.step():
            return


async def test_a_job_brings_the_whole_file_in_and_lists_its_errors(world, database, jobs, owner):
    job = await jobs.start(owner, "contacts.csv", EXAMPLE, ImportOptions())
    assert (job.state, job.total, job.report.columns["city"]) == (JobState.WAITING, 2000, "attributes.city")
    await run_all(a_runner(world, database, batch=500))
    done = await jobs.get(owner, job.id)
    expected = await world.imports.import_file(somebody(), EXAMPLE)
    assert (done.state, counts(done.report)) == (JobState.DONE, counts(expected))
    content = b"".join([piece async for piece in await jobs.errors(owner, job.id)]).decode("utf-8-sig")
    listed = list(csv.DictReader(StringIO(content)))
    assert [(int(e["row"]), e["field"], e["rule"]) for e in listed] == [
        (e.row, e.field, e.rule) for e in expected.errors
    ]
    with pytest.raises(ImportNotFound):
        await jobs.get(somebody(), job.id)
    with pytest.raises(ImportOver):
        await jobs.cancel(owner, job.id)
    assert [each.id for each in (await jobs.page(owner)).items] == [job.id]


async def test_a_file_that_makes_no_sense_is_refused_at_once_and_not_kept(world, jobs, owner, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("name\nAsha\n")
    with pytest.raises(MissingColumn):
        await jobs.start(owner, "people.csv", path, ImportOptions())
    with pytest.raises(UnreadableFile):
        await jobs.start(owner, "none.csv", tmp_path / "none.csv", ImportOptions())
    assert (await jobs.page(owner)).items == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(cells, min_size=1, max_size=12),
    policy=st.sampled_from(Policy),
    kills=st.lists(st.integers(0, 8), max_size=4),
)
async def test_a_killed_import_goes_on_where_it_was(world, database, jobs, tmp_path, rows, policy, kills):
    actor, other = somebody(), somebody()
    path = a_file(tmp_path, rows)
    options = ImportOptions(policy=policy)
    expected = await world.imports.import_file(other, path, options)
    job = await jobs.start(actor, "people.csv", path, options)
    for name, kill in enumerate(kills):
        killer = Killer(world, kill)
        runner = a_runner(world, database, str(name), 2, begin=deadly(world.contacts.begin, killer))
        try:
            await run_all(runner)
        except Killed:
            world.at += timedelta(seconds=20)
    await run_all(a_runner(world, database, "last", 2))
    done = await jobs.get(actor, job.id)
    assert (done.state, counts(done.report)) == (JobState.DONE, counts(expected))
    assert await known(world, actor) == await known(world, other)
    content = b"".join([piece async for piece in await jobs.errors(actor, job.id)])
    assert content.count(b"\r\n") == len(expected.errors) + 1


def deadly(begin, killer):
    """Transactions in which the process may die at their start, before they commit, or right after."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def mortal(organization):
        killer.note("before")
        async with begin(organization) as work:
            yield work
            killer.note("within")
        killer.note("after")

    return mortal


async def test_a_job_that_is_cancelled_stops_and_keeps_what_came_in(world, database, jobs, owner, tmp_path):
    path = a_file(tmp_path, [{"phone": f"+4477009{n:05}"} for n in range(10)])
    job = await jobs.start(owner, "people.csv", path, ImportOptions())
    killer = Killer(world, 5)
    with pytest.raises(Killed):
        await run_all(a_runner(world, database, "one", 2, begin=deadly(world.contacts.begin, killer)))
    cancelled = await jobs.cancel(owner, job.id)
    world.at += timedelta(seconds=20)
    await run_all(a_runner(world, database, "two", 2))
    assert (await jobs.get(owner, job.id)).state is JobState.CANCELLED
    page = await world.contacts.page(owner, ContactFilter(), number=1)
    assert page.total == cancelled.report.created > 0


async def test_a_runner_that_was_replaced_commits_nothing_more(world, database, jobs, owner, tmp_path):
    path = a_file(tmp_path, [{"phone": f"+4477009{n:05}"} for n in range(6)])
    job = await jobs.start(owner, "people.csv", path, ImportOptions())
    slow = a_runner(world, database, "slow", 2)
    claimed = await slow.queue.claim("slow", world.now(), world.now() + timedelta(seconds=15))
    world.at += timedelta(seconds=20)
    await run_all(a_runner(world, database, "fast", 2))
    done = await jobs.get(owner, job.id)
    assert done.state is JobState.DONE
    with pytest.raises((LostLease, UnreadableFile)):
        await slow._run(claimed)
    assert await jobs.get(owner, job.id) == done


async def test_a_job_is_watched_until_it_ends(world, database, jobs, owner, tmp_path):
    path = a_file(tmp_path, [{"phone": f"+4477009{n:05}"} for n in range(6)])
    job = await jobs.start(owner, "people.csv", path, ImportOptions())
    runner = a_runner(world, database, batch=2)
    states = []
    async for moment in jobs.watch(owner, job.id):
        states.append(moment.state)
        await run_all(runner)
    assert states == [JobState.WAITING, JobState.DONE]
    assert moment.progress.rows == moment.total == 6


async def test_a_dry_run_may_be_a_job_too(world, database, jobs, owner):
    job = await jobs.start(owner, "contacts.csv", EXAMPLE, ImportOptions(dry_run=True))
    await run_all(a_runner(world, database, batch=500))
    done = await jobs.get(owner, job.id)
    assert (done.state, done.report.rows) == (JobState.DONE, 2000)
    assert (await world.contacts.page(owner, ContactFilter(), number=1)).total == 0
    content = b"".join([piece async for piece in await jobs.errors(owner, job.id)])
    assert content.count(b"\r\n") > 10
