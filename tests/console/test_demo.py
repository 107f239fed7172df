"""The demo: filled, marked as invented, to be logged in to, and never beside real children's words."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from bot.app import open_database
from referrals import audit, demo
from referrals.cases import lifecycle, retention
from referrals.cases.models import Case, Referral
from referrals.console.app import console_app
from referrals.console.visit import form_token
from referrals.crypto import Sealer
from referrals.db import session_factory, writing
from referrals.directory.models import Organization
from referrals.people import Staff
from referrals.settings import Settings, load_settings
from tests.conftest import JANYMDA, environment

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Engine, demo.Demo]]:
    settings = load_settings(data_dir=tmp_path_factory.mktemp("folder") / "demo")
    settings.data_dir.mkdir()
    engine, sessions = open_database(settings)
    with writing(sessions) as session:
        made = demo.build(session, settings, NOW)
    # What `janymda run` does by itself a few minutes later must leave enough to look at.
    with writing(sessions) as session:
        lifecycle.escalate(session, NOW + timedelta(minutes=5))
        retention.sweep(session, NOW + timedelta(minutes=5))
    yield settings, engine, made
    engine.dispose()


def test_everything_says_that_it_is_invented(filled: tuple[Settings, Engine, demo.Demo]) -> None:
    with session_factory(filled[1])() as session:
        made = session.scalars(select(Organization).where(Organization.source == "invented for the demo")).all()
        assert len(made) == 3
        for organization in made:
            assert "Выдуманн" in organization.name["ru"]
            assert "Ойдан шығарылған" in organization.name["kk"]
        assert session.query(Case).count() == demo.ENDED + demo.WAITING
        assert audit.verify(session) is None


def test_the_inbox_holds_what_waits(filled: tuple[Settings, Engine, demo.Demo]) -> None:
    with session_factory(filled[1])() as session:
        worker = session.scalars(select(Staff).where(Staff.role == "case_worker")).one()
        here = select(Referral.state).where(Referral.organization_id == worker.organization_id)
        tally = Counter(session.scalars(here.where(Referral.sent_at > NOW - timedelta(hours=1))))
        assert tally == {"in_progress": demo.WAITING - demo.WAITING // 3, "accepted": demo.WAITING // 3}
        assert session.query(Case).filter(Case.state == "closed").count() > demo.ENDED / 2


@pytest.mark.parametrize(
    ("role", "page", "words"),
    [
        ("coordinator", "/reports", "<svg"), ("lead", "/cases", "/cases/"), ("auditor", "/audit", "Demo auditor"),
        ("editor", "/directory/verify", "Ойдан шығарылған заңгер"),
    ],
)  # fmt: skip
def test_every_role_has_something_to_look_at(
    filled: tuple[Settings, Engine, demo.Demo], role: str, page: str, words: str
) -> None:
    settings, engine, made = filled
    account = next(one for one in made.accounts if one.role == role)
    app = console_app(session_factory(engine), lambda: NOW, Sealer(settings.console_key), secure=False)
    browser = TestClient(app, base_url="http://demo.invalid", headers={"origin": "http://demo.invalid"})
    given = {"email": account.email, "password": demo.PASSWORD, "code": account.codes[0]}
    browser.post("/login", data={"form_token": form_token(""), **given})
    browser.post("/conduct", data={"form_token": form_token(browser.cookies["janymda_staff"])})
    assert words in browser.get(page).text


@pytest.mark.parametrize(
    ("folder", "more", "sentence"),
    [
        ("var", {}, "make demo"), ("demo", {"JANYMDA_DATABASE_URL": "sqlite:////tmp/x.db"}, "make demo"),
        ("demo", {"TELEGRAM_BOT_TOKEN": "1234567890:AAinvented-token-for-tests-only-AAA"}, "TELEGRAM_BOT_TOKEN"),
    ],
)  # fmt: skip
def test_it_is_never_made_where_real_words_might_be(
    tmp_path: Path, folder: str, more: dict[str, str], sentence: str
) -> None:
    env = {**environment(tmp_path, 8010, 8012), **more, "JANYMDA_DATA_DIR": str(tmp_path / folder)}
    (tmp_path / folder).mkdir()
    done = subprocess.run([JANYMDA, "demo"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr.replace("\n", " ")
    assert not list((tmp_path / folder).glob("*.db"))
