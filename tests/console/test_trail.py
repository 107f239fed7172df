"""The audit trail as its reader sees it: words and names instead of codes (referrals/console/trail.py)."""

import re
from datetime import timedelta
from pathlib import Path

from referrals import audit
from referrals.console.app import PAGES
from referrals.console.trail import ACTIONS, OUTCOMES, WHO
from referrals.wording import translate
from tests.conftest import ROOT
from tests.console.desk import Desk

# What writes into the trail names its action so.
_WRITES = re.compile(r'(?:action=|_touch\(\w+, referral, |_record\(\w+, \w+, (?:person, )?)"([a-z_]+)"')


def _sources() -> list[Path]:
    return [path for folder in ("referrals", "bot") for path in (ROOT / folder).rglob("*.py")]


def test_whatever_is_written_down_has_words() -> None:
    written = {action for path in _sources() for action in _WRITES.findall(path.read_text("utf-8"))}
    assert len(written) > 30
    assert (written | {page.action for page in PAGES}) - set(ACTIONS) == set()
    for code in (*ACTIONS, *WHO, *OUTCOMES):
        for language in ("kk", "ru"):
            words = translate(code, language)
            assert words != code or code == "home", code
            assert not re.search("[a-z]", words), code


def test_the_auditor_reads_names_and_words(desk: Desk) -> None:
    editor, auditor = desk.person("editor", name="invented-editor"), desk.person("auditor")
    editor.get("/directory")
    auditor.post("/language", language="ru", back="/audit")
    text = auditor.get("/audit").text
    assert "просмотрен справочник" in text
    assert "directory_listed" not in text
    with desk.house.sessions() as session:
        shown = session.query(audit.AuditEvent).filter_by(actor=f"staff:{editor.id}").count()
    assert shown
    assert "invented-editor" in text
    assert f"staff:{editor.id}" not in text


def test_times_are_those_on_the_wall_in_kazakhstan(desk: Desk) -> None:
    auditor = desk.person("auditor")
    with desk.house.sessions() as session:
        newest = session.query(audit.AuditEvent).order_by(audit.AuditEvent.id.desc()).first()
        assert newest is not None
        there = (newest.at + timedelta(hours=5)).strftime("%Y-%m-%d %H:%M:%S")
    assert there in auditor.get("/audit").text
