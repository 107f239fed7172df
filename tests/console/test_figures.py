"""Coverage and reports as pages, and who may read them. All invented."""

import csv
import io
from datetime import timedelta

import pytest

from content.model import load_taxonomy
from content.regions import all_regions
from referrals import tallies
from referrals.db import writing
from tests.console.desk import Desk
from tests.referrals.test_reports import Book


def test_coverage_shows_every_region_and_concern(desk: Desk) -> None:
    page = desk.person("editor").get("/coverage", params={"concern": "bullying"})
    assert page.status_code == 200
    for region in all_regions():
        assert f'data-region="{region}"' in page.text
    for concern in load_taxonomy().concerns:
        assert f"/coverage?concern={concern}" in page.text


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_coverage_speaks_the_readers_language(desk: Desk, language: str) -> None:
    page = desk.person("coordinator").get("/coverage", headers={"accept-language": language}).text
    assert f'<svg xmlns="http://www.w3.org/2000/svg" role="img" lang="{language}"' in page
    assert ("no help" in page) == (language == "en")


def test_an_unknown_concern_is_refused(desk: Desk) -> None:
    answer = desk.person("editor").get("/coverage", params={"concern": "<script>"})
    assert answer.status_code == 404
    assert "<script>" not in answer.text


def test_a_report_is_of_a_whole_quarter_that_is_over(desk: Desk) -> None:
    coordinator = desk.person("coordinator")
    with writing(desk.house.sessions) as session:
        book = Book(session, desk.house)
        book.add(20, "done", "helped", 2.0, (True, True, None), at=desk.clock.at - timedelta(days=92))
        book.add(3, "rejected", "not_reached", at=desk.clock.at - timedelta(days=92))
    page = coordinator.get("/reports")
    assert page.status_code == 200
    assert "<dd>23</dd>" in page.text
    quarters = page.text.split('<select id="quarter"')[1].split("</select>")[0]
    running = f"{desk.clock.at.year}-{(desk.clock.at.month - 1) // 3 + 1}"
    assert running not in quarters
    for wrong in (running, "1999-1", "x", "2026-5"):
        assert coordinator.get("/reports", params={"quarter": wrong}).status_code == 404
    table = coordinator.get("/reports.csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert {"table": "all", "value": "", "category": "", "measure": "cases", "count": "23"} in rows
    # The three stand alone in no count.
    assert all(row["count"] != "3" for row in rows)


def test_where_children_left_is_told_without_small_counts(desk: Desk) -> None:
    with writing(desk.house.sessions) as session:
        for step, count in (("confirm", 9), ("services", 8), ("danger", 3), ("handover", 7)):
            session.add(tallies.StepTally(month="2026-08", kind=tallies.ENDED, step=step, count=count))
        for step, count in (("kind", 6), ("contact", 1), ("when", 2), ("words", 7), ("sent", 8)):
            session.add(tallies.StepTally(month="2026-08", kind=tallies.HANDOVER, step=step, count=count))
    coordinator = desk.person("coordinator")
    page = coordinator.get("/reports").text
    # There were too few hand-overs for the other tables; these stand by themselves.
    assert "too few hand-overs" in page
    assert "<td>Services were shown</td><td>8</td>" in page
    assert "<td>Danger</td><td>*</td>" in page
    assert "<td>Help wanted</td><td>24</td><td>6</td>" in page
    assert "<td>A hand-over was sent</td><td>8</td><td>–</td>" in page
    for title in ("At which step conversations ended", "How far children came"):
        assert f"{title}" in page
    assert page.count("<svg") == 2
    assert "conversation,services,,ended,8" in coordinator.get("/reports.csv").text
    for language in ("kk", "ru"):
        translated = coordinator.get("/reports", headers={"accept-language": language}).text
        assert "Services were shown" not in translated


def test_too_few_make_no_report(desk: Desk) -> None:
    page = desk.person("coordinator").get("/reports").text
    assert "too few" in page


@pytest.mark.parametrize("role", ["editor", "reviewer", "auditor", "administrator", "case_worker", "lead"])
def test_reports_are_for_the_coordinator(desk: Desk, role: str) -> None:
    organization = desk.house.organizations["Second"] if role in ("case_worker", "lead") else None
    person = desk.person(role, organization)
    for path in ("/reports", "/reports.csv"):
        assert person.get(path).status_code == 404
    assert 'href="/reports"' not in person.get("/", follow_redirects=True).text


def test_the_open_directory_is_for_everybody_and_holds_what_is_published(desk: Desk) -> None:
    found = desk.browser().get("/api/services").json()
    assert found["total_items"] == 2
    assert desk.browser().get("/api/nothing").status_code == 404
