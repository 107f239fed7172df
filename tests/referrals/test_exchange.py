"""Services in and out as tables: nothing is lost, nothing is half taken over, no cell runs. Services are invented."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from datetime import time as clock
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy.orm import Session

from referrals.audit import AuditEvent
from referrals.db import make_engine, migrate, session_factory, writing
from referrals.directory.editing import decide, waiting_change
from referrals.directory.exchange.columns import COLUMNS, cells_of
from referrals.directory.exchange.reading import MAX_BYTES, MAX_UNPACKED_BYTES, TableError, read_table
from referrals.directory.exchange.taking import Applied, ImportRefused, Preview, apply, preview
from referrals.directory.exchange.writing import write_table
from referrals.directory.hsds import seed
from referrals.directory.models import Location, Organization, Phone, Schedule, Service, ServiceArea

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
HEADER = ("organization_name_kk", "organization_name_ru", "name_kk", "name_ru", "kind", "phones", "regions")
GOOD = ("Ұйым", "Организация", "Орталық", "Центр", "crisis_centre", "+7 7172 12 34 56;150", "KZ35;KZ79")


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Callable[[], Session]]:
    engine = make_engine(f"sqlite:///{tmp_path / 'exchange.db'}")
    migrate(engine)
    yield session_factory(engine)
    engine.dispose()


def _csv(*rows: tuple[str, ...], header: tuple[str, ...] = HEADER, delimiter: str = ",") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    return text.getvalue().encode("utf-8")


def _xlsx(*rows: tuple[object, ...], header: tuple[str, ...] = HEADER) -> bytes:
    book = Workbook()
    for row in (header, *rows):
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _look(sessions: Callable[[], Session], content: bytes, kind: str = "csv") -> Preview:
    with sessions() as session:
        return preview(session, read_table(content, kind))


def _take(sessions: Callable[[], Session], looked_at: Preview) -> Applied:
    with writing(sessions) as session:
        return apply(session, looked_at, "staff:invented", NOW)


def _service(**given: object) -> Service:
    values: dict[str, object] = {
        "organization": Organization(name={"kk": "Ұйым", "ru": "Организация"}), "kind": "crisis_centre",
        "status": "published", "name": {"kk": "Орталық", "ru": "Центр", "en": "Centre"}, "cost": "free",
        "description": {"kk": "=1+1", "ru": "- две строки\nи @ещё, \"кавычки\"; точка с запятой"},
        "minimum_age": 7, "maximum_age": 17, "concerns": ["bullying", "sadness"], "languages": ["ru", "kk"],
        "takes_handovers": True, "source": "invented", "verified_on": NOW.date(), "verified_by": "somebody",
        "areas": [ServiceArea(region="KZ79"), ServiceArea(region="KZ35")],
        "phones": [Phone(number="+7 7172 12 34 56", position=0), Phone(number="150", position=1),
                   Phone(number="+7 701 000 00 01", private=True, position=2)],
        "schedules": [Schedule(rrule="FREQ=WEEKLY;BYDAY=MO,TU", opens_at=clock(9), closes_at=clock(18)),
                      Schedule(rrule="FREQ=DAILY", opens_at=clock(20), closes_at=clock(8), valid_from=date(2026, 6, 1))],
        "locations": [Location(region="KZ35", address={"ru": "hidden street"}, private=True)],
    }  # fmt: skip
    return Service(**{**values, **given})


@pytest.mark.parametrize("kind", ["csv", "xlsx", "json"])
def test_what_goes_out_comes_back_unchanged(sessions: Callable[[], Session], kind: str) -> None:
    with writing(sessions) as session:
        # JSON has no quotes before a formula: there it would be refused.
        session.add(_service(**({"description": {"kk": "а", "ru": "б"}} if kind == "json" else {})))
        seed(session, Path("content/directory"))
        count = session.query(Service).count()
        content = write_table(session, kind)
    looked_at = _look(sessions, content, kind)
    assert looked_at.errors == ()
    assert (len(looked_at.unchanged), looked_at.new, looked_at.changed) == (count, (), ())


@pytest.mark.parametrize("kind", ["csv", "xlsx", "json"])
def test_an_export_makes_the_same_directory_elsewhere(
    sessions: Callable[[], Session], tmp_path: Path, kind: str
) -> None:
    with writing(sessions) as session:
        session.add(_service(description={"kk": "а", "ru": "б"}))
        content = write_table(session, kind)
    engine = make_engine(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    migrate(engine)
    elsewhere = session_factory(engine)
    assert _take(elsewhere, _look(elsewhere, content, kind)) == Applied(1, 0)
    with sessions() as session, elsewhere() as other:
        before, after = session.query(Service).one(), other.query(Service).one()
        assert cells_of(before) == cells_of(after)
        assert (after.status, after.edited, after.verified_on) == ("draft", True, None)
        assert len(after.phones) == 2
    engine.dispose()


@pytest.mark.parametrize("kind", ["csv", "xlsx", "json"])
def test_nothing_private_goes_out(sessions: Callable[[], Session], kind: str) -> None:
    """SECURITY: files travel."""
    with writing(sessions) as session:
        session.add(_service())
        content = write_table(session, kind)
    if kind == "xlsx":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            content = b"".join(packed.read(name) for name in packed.namelist())
    assert "Центр".encode() in content
    for private in (b"hidden street", b"701 000", b"somebody"):
        assert private not in content


@pytest.mark.parametrize("cell", ["=1+1", "+7 7172 12 34 56", "-2+3", "@SUM(1)", "\t=1", " =1", "'=1", "＝1"])
def test_no_cell_runs_in_a_spreadsheet(sessions: Callable[[], Session], cell: str) -> None:
    """SECURITY: formula injection."""
    with writing(sessions) as session:
        session.add(_service(cost=cell))
        sheets = [write_table(session, kind) for kind in ("csv", "xlsx")]
    (row,) = csv.DictReader(io.StringIO(sheets[0].decode("utf-8-sig")))
    assert row["cost"] == f"'{cell.strip()}"
    book = load_workbook(io.BytesIO(sheets[1]))
    assert all(part.data_type in ("s", "n") for line in book.active.iter_rows() for part in line)
    assert [_look(sessions, sheet, kind).changed for sheet, kind in zip(sheets, ("csv", "xlsx"), strict=True)] == [
        (),
        (),
    ]


def test_a_new_service_is_a_draft_of_staff(sessions: Callable[[], Session]) -> None:
    header = (*HEADER, "schedules", "needs_guardian", "always_open", "minimum_age")
    row = (*GOOD, "FREQ=WEEKLY;BYDAY=MO,TU@9:00-18:00; FREQ=WEEKLY;BYDAY=SA@10:00-13:30", "no", "нет", "7")
    assert _take(sessions, _look(sessions, _csv(row, header=header))) == Applied(1, 0)
    with sessions() as session:
        made = session.query(Service).one()
        assert (made.status, made.edited, made.needs_guardian, made.minimum_age) == ("draft", True, "no", 7)
        assert [(p.number, p.private) for p in made.phones] == [("+7 7172 12 34 56", False), ("150", False)]
        assert {a.region for a in made.areas} == {"KZ35", "KZ79"}
        assert {(s.rrule, s.opens_at, s.closes_at) for s in made.schedules} == {
            ("FREQ=WEEKLY;BYDAY=MO,TU", clock(9), clock(18)), ("FREQ=WEEKLY;BYDAY=SA", clock(10), clock(13, 30)),
        }  # fmt: skip
        assert made.source
        event = session.query(AuditEvent).one()
        told = (event.actor, event.action, event.subject)
        assert told == ("staff:invented", "service_proposed", f"service:{made.id}")
        # A second person is asked, as for every new service.
        assert waiting_change(session, made.id) is not None


def test_what_lacks_something_is_a_draft_that_waits_for_nobody(sessions: Callable[[], Session]) -> None:
    looked_at = _look(sessions, _csv((*GOOD[:5], "", "KZ35")))
    assert "no child can reach it" in looked_at.new[0].lacks
    _take(sessions, looked_at)
    with sessions() as session:
        made = session.query(Service).one()
        assert (made.status, waiting_change(session, made.id)) == ("draft", None)
    # Its number is found later: now there is something to review.
    _take(sessions, _look(sessions, _csv((*GOOD[:5], "150", "KZ35"))))
    with sessions() as session:
        assert waiting_change(session, session.query(Service).one().id) is not None


def test_a_published_service_may_not_lose_what_makes_it_reachable(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        session.add(_service(takes_handovers=False))
    (error,) = _look(sessions, _csv((*GOOD[:5], "", "KZ35"))).errors
    assert error.sentence.startswith("Line 2: ")
    assert "no child can reach it" in error.sentence


def test_a_change_is_shown_field_by_field_and_keeps_what_is_private(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        session.add(_service())
    looked_at = _look(sessions, _csv((*GOOD[:5], "8 (7172) 65-43-21", "KZ35;KZ")))
    (change,) = looked_at.changed
    assert change.was_published
    assert [(d.field, d.before, d.after) for d in change.differences] == [
        ("phones", "+7 7172 12 34 56;150", "+7 7172 65 43 21"), ("regions", "KZ35;KZ79", "KZ;KZ35"),
    ]  # fmt: skip
    assert _take(sessions, looked_at) == Applied(0, 1)
    with writing(sessions) as session:
        service = session.query(Service).one()
        # Children read what was published until a second person agrees.
        assert (service.status, service.nationwide, service.phones[0].number) == (
            "published",
            False,
            "+7 7172 12 34 56",
        )
        change = waiting_change(session, service.id)
        assert change is not None
        decide(session, change, agreed=True, reviewer="staff:second", reviewer_name="Second", at=NOW)
    with sessions() as session:
        changed = session.query(Service).one()
        assert (changed.status, changed.edited, changed.nationwide) == ("published", True, True)
        told = [(p.number, p.private) for p in changed.phones]
        assert told == [("+7 7172 65 43 21", False), ("+7 701 000 0001", True)]
        assert [a.region for a in changed.areas] == ["KZ35"]
        # Columns that the file does not have stay as they are.
        left = (changed.minimum_age, changed.name["en"], len(changed.schedules), len(changed.locations))
        assert left == (7, "Centre", 2, 1)
    assert _look(sessions, _csv((*GOOD[:5], "8 (7172) 65-43-21", "KZ35;KZ"))).changed == ()


def test_a_change_that_waits_already_stops_the_import(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        session.add(_service())
    looked_at = _look(sessions, _csv((*GOOD[:5], "150", "KZ35")))
    _take(sessions, looked_at)
    with pytest.raises(ImportRefused, match="Line 2: A change of this service waits"):
        _take(sessions, looked_at)


BROKEN = [
    ({"phones": "12-34"}, "phones", "nobody can have this number"),
    ({"phones": "+7 495 123 45 67"}, "phones", "is abroad"),
    ({"phones": "1"}, "phones", "no telephone number"),
    ({"regions": "KZ99"}, "regions", "not a region"),
    ({"kind": "shop"}, "kind", "use one of: line"),
    ({"name_kk": " "}, "name_kk", "is empty"),
    ({"name_ru": "=cmd"}, "name_ru", "formula"),
    ({"name_ru": "а" * 121}, "name_ru", "shorten it to 120"),
    ({"name_ru": "а\x00б"}, "name_ru", "characters that no text has"),
    ({"minimum_age": "seven"}, "minimum_age", "whole years"),
    ({"minimum_age": "-1"}, "minimum_age", "whole years"),
    ({"minimum_age": "18", "maximum_age": "7"}, "minimum_age", "exchange them"),
    ({"concerns": "boredom"}, "concerns", "not a concern"),
    ({"languages": "kazakh"}, "languages", "use one of: kk, ru, en"),
    ({"needs_guardian": "maybe"}, "needs_guardian", "use one of: yes"),
    ({"always_open": "sometimes"}, "always_open", "yes or no"),
    ({"schedules": "on Mondays"}, "schedules", "not understood"),
    ({"schedules": "FREQ=SECONDLY@09:00-18:00"}, "schedules", "not a rule of days"),
    ({"schedules": "FREQ=WEEKLY;INTERVAL=2@09:00-18:00"}, "schedules", "not a rule of days"),
    ({"schedules": "FREQ=WEEKLY;BYDAY=MO\nRRULE:FREQ=SECONDLY@09:00-18:00"}, "schedules", "not a rule of days"),
    ({"schedules": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30@09:00-18:00"}, "schedules", "not a rule of days"),
    ({"schedules": "FREQ=DAILY@09:00-25:00"}, "schedules", "do not exist"),
    ({"id": "7"}, "id", "not an identifier"),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "column", "sentence"), BROKEN)
def test_a_mistake_is_told_with_its_line(
    sessions: Callable[[], Session], cells: dict[str, str], column: str, sentence: str
) -> None:
    row = dict(zip(HEADER, GOOD, strict=True)) | cells
    good = dict(zip(HEADER, GOOD, strict=True)) | {"name_ru": "Другой"}
    content = _csv(tuple(good.get(name, "") for name in row), tuple(row.values()), header=tuple(row))
    (error,) = _look(sessions, content).errors
    assert error.line == 3
    assert error.sentence.startswith(f"Line 3, {column}: ")
    assert sentence in error.sentence


def test_lines_are_those_of_the_file(sessions: Callable[[], Session]) -> None:
    """A cell over two lines and an empty row do not shift them."""
    header = (*HEADER, "description_ru")
    long = (*GOOD, "две\nстроки")
    bad = (*GOOD[:3], "Второй", "shop", *GOOD[5:], "")
    content = _csv(long, ("",) * 8, bad, header=header)
    assert [error.line for error in _look(sessions, content).errors] == [5]
    assert [error.line for error in _look(sessions, _xlsx(long, (None,), bad, header=header), "xlsx").errors] == [4]


def test_one_mistake_and_nothing_is_taken_over(sessions: Callable[[], Session]) -> None:
    good = [(*GOOD[:3], f"Центр {number}", *GOOD[4:]) for number in range(5)]
    looked_at = _look(sessions, _csv(*good, (*GOOD[:4], "shop", *GOOD[5:])))
    assert (len(looked_at.new), len(looked_at.errors)) == (5, 1)
    with pytest.raises(ImportRefused, match=r"nothing of it was taken over.*Line 7, kind"):
        _take(sessions, looked_at)
    with sessions() as session:
        assert session.query(Service).count() == session.query(Organization).count() == 0
        assert session.query(AuditEvent).count() == 0


def test_one_service_twice_is_a_mistake(sessions: Callable[[], Session]) -> None:
    (error,) = _look(sessions, _csv(GOOD, GOOD)).errors
    assert error.sentence == "Line 3: it is the same service as in line 2; leave only one of them."
    with writing(sessions) as session:
        service = _service()
        session.add(service)
    by_id = (*GOOD, str(service.id))
    (error,) = _look(sessions, _csv((*GOOD, ""), by_id, header=(*HEADER, "id"))).errors
    assert error.line == 3


def test_of_namesakes_the_identifier_decides(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        first = _service()
        session.add_all([first, _service(organization=first.organization, status="draft")])
    (error,) = _look(sessions, _csv(GOOD)).errors
    assert "give the one that is meant in the column id" in error.sentence
    row = (*GOOD[:5], "111", "KZ35;KZ79", str(first.id))
    (change,) = _look(sessions, _csv(row, header=(*HEADER, "id"))).changed
    assert change.service_id == first.id


def test_what_was_edited_meanwhile_is_not_overwritten(sessions: Callable[[], Session]) -> None:
    with writing(sessions) as session:
        session.add(_service())
    other = (*GOOD[:3], "Новый", *GOOD[4:])
    looked_at = _look(sessions, _csv((*GOOD[:5], "111", "KZ35;KZ79"), other))
    with writing(sessions) as session:
        session.query(Service).one().phones = [Phone(number="112")]
    with pytest.raises(ImportRefused, match="was changed since you looked"):
        _take(sessions, looked_at)
    with sessions() as session:
        (kept,) = session.query(Service).all()
        assert [p.number for p in kept.phones] == ["112"]


def test_the_same_import_twice_adds_once(sessions: Callable[[], Session]) -> None:
    looked_at = _look(sessions, _csv(GOOD))
    _take(sessions, looked_at)
    with pytest.raises(ImportRefused, match="was added since you looked"):
        _take(sessions, looked_at)
    assert _look(sessions, _csv(GOOD)).unchanged == (2,)


def test_an_identifier_that_is_new_is_kept(sessions: Callable[[], Session]) -> None:
    identity = uuid4()
    _take(sessions, _look(sessions, _csv((*GOOD, str(identity)), header=(*HEADER, "id"))))
    with sessions() as session:
        assert session.get(Service, identity) is not None


def test_services_of_one_organisation_share_it(sessions: Callable[[], Session]) -> None:
    second = ("ҰЙЫМ", "ОРГАНИЗАЦИЯ", "Екінші", "Второй", *GOOD[4:])
    _take(sessions, _look(sessions, _csv(GOOD, second)))
    with sessions() as session:
        (organization,) = session.query(Organization).all()
        assert len(organization.services) == 2
    assert _look(sessions, _csv(GOOD, second)).changed == ()


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        (b"", "csv", "does not name the columns"),
        (_csv(), "csv", "no service in the file"),
        (_csv(header=(*HEADER, "colour")), "csv", "unknown columns: 'colour'"),
        (_csv(header=(*HEADER, "kind")), "csv", "names a column twice"),
        ("имя".encode("cp1251"), "csv", "CSV UTF-8"),
        (b"no workbook", "xlsx", "no workbook"),
        (b"[]", "json", '"organizations"'),
        (b'{"organizations": [{"name": {}, "services": [{}]}]}', "json", '"organizations"'),
        (b"[" * 100_000, "json", '"organizations"'),
        (b"x", "docx", "Save it as csv, xlsx or json"),
        (b"x" * (MAX_BYTES + 1), "csv", "larger than 20 MB"),
        (_csv() + b'"' + b"x" * 200_000, "csv", "cannot be read as CSV"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_told_so(content: bytes, kind: str, sentence: str) -> None:
    with pytest.raises(TableError, match=sentence):
        read_table(content, kind)


def test_a_packed_bomb_is_not_unpacked() -> None:
    """SECURITY: a workbook of a few kilobytes that would fill the memory."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"\0" * (MAX_UNPACKED_BYTES + 1))
    with pytest.raises(TableError, match="far larger unpacked"):
        read_table(content.getvalue(), "xlsx")


def test_a_workbook_with_numbers_dates_and_formulas(sessions: Callable[[], Session]) -> None:
    header = (*HEADER, "minimum_age", "always_open", "cost")
    numbers = (*GOOD[:5], 150, "KZ35", 7.0, True, None)
    (row,) = read_table(_xlsx(numbers, header=header), "xlsx")
    assert [row.cells[name] for name in ("phones", "minimum_age", "always_open", "cost")] == ["150", "7", "yes", ""]
    wrong = (*GOOD[:5], 150, "KZ35", datetime(2026, 1, 7), False, "=1+1")  # noqa: DTZ001 # as Excel has it
    errors = _look(sessions, _xlsx(wrong, header=header), "xlsx").errors
    assert [error.sentence.split(":")[0] for error in errors] == ["Line 2, minimum_age", "Line 2, cost"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_spreadsheets_separate_as_they_like(delimiter: str) -> None:
    (row,) = read_table(b"\xef\xbb\xbf" + _csv(GOOD, delimiter=delimiter), "csv")
    assert row.cells == dict(zip(HEADER, GOOD, strict=True))


def test_a_cell_too_many_is_a_mistake(sessions: Callable[[], Session]) -> None:
    (error,) = _look(sessions, _csv((*GOOD, "more"))).errors
    assert error.sentence.startswith("Line 2: there are more cells than columns")


def test_a_private_number_in_json_never_becomes_a_public_one(sessions: Callable[[], Session]) -> None:
    """SECURITY."""
    names = {"kk": "а", "ru": "б"}
    service = {
        "name": names,
        "kind": "line",
        "nationwide": True,
        "phones": [{"number": "150"}, {"number": "+77010000001", "private": True}],
    }
    content = json.dumps({"organizations": [{"name": names, "services": [service]}]}).encode()
    _take(sessions, _look(sessions, content, "json"))
    with sessions() as session:
        assert [p.number for p in session.query(Service).one().phones] == ["150"]


def test_every_column_has_a_place() -> None:
    """A column that is read but not written would be lost without a word."""
    service = _service(id=uuid4(), nationwide=False)
    assert tuple(cells_of(service)) == COLUMNS
    assert UUID(cells_of(service)["id"]) == service.id
