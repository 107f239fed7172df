"""Settings, sealing, and a schema that is what the models say."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

import bot.storage  # its tables belong to the schema
import referrals.audit
import referrals.cases.models
import referrals.directory.models
import referrals.throttle  # noqa: F401 its tables belong to the schema
from bot.inventory import MEANINGS, PAGE, page_with_table
from referrals.crypto import SealBroken, Sealer, pseudonym
from referrals.db import Base, downgrade, make_engine, migrate, session_factory, writing
from referrals.settings import SettingsError, load_settings


def test_models_and_migrations_agree(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'x.db'}")
    migrate(engine)
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_the_schema_goes_down_and_up_again(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'x.db'}")
    migrate(engine)
    before = sorted(inspect(engine).get_table_names())
    downgrade(engine, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    migrate(engine)
    assert sorted(inspect(engine).get_table_names()) == before
    engine.dispose()


def test_every_column_says_what_a_thief_would_get() -> None:
    """SECURITY P4."""
    classes = set(MEANINGS)
    unclassified = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.info.get("privacy") not in classes
    ]
    assert unclassified == []
    assert bot.storage.Conversation.__table__.c.state.info["privacy"] == "sealed"


def test_the_published_table_of_what_a_seizure_yields_is_the_present_one() -> None:
    """SECURITY P6."""
    page = PAGE.read_text("utf-8")
    assert page == page_with_table(page), "write it anew: python -m bot.inventory"


def test_a_database_error_does_not_quote_values(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'x.db'}")
    migrate(engine)
    with pytest.raises(Exception) as caught, writing(session_factory(engine)) as session:  # noqa: PT011 any error will do
        session.execute(text("INSERT INTO seen_update VALUES (:a)"), {"a": "қырғұл"})
    assert "қырғұл" not in str(caught.value)
    engine.dispose()


def test_sealed_bytes_open_only_in_their_place() -> None:
    """SECURITY C8."""
    sealer = Sealer(b"k" * 32)
    sealed = sealer.seal("сөз".encode(), "conversation:1")
    assert sealer.open(sealed, "conversation:1").decode() == "сөз"
    for wrong in (sealed[:-1] + bytes([sealed[-1] ^ 1]), b"", b"\x02" + sealed[1:], sealed[:10]):
        with pytest.raises(SealBroken):
            sealer.open(wrong, "conversation:1")
    with pytest.raises(SealBroken):
        sealer.open(sealed, "conversation:2")
    with pytest.raises(SealBroken):
        Sealer(b"x" * 32).open(sealed, "conversation:1")


def test_a_pseudonym_needs_the_pepper() -> None:
    """SECURITY C15."""
    assert pseudonym(b"a" * 32, "telegram:1") != pseudonym(b"b" * 32, "telegram:1")
    assert b"telegram" not in pseudonym(b"a" * 32, "telegram:1")


def test_local_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    first, second = load_settings(data_dir=tmp_path), load_settings(data_dir=tmp_path)
    assert first.pepper == second.pepper
    assert len({first.pepper, first.sealing_key, bytes.fromhex(first.actions_token)}) == 3
    for path in (tmp_path / "secrets").iterdir():
        assert path.stat().st_mode & 0o077 == 0


def test_secrets_come_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("1:invented\n")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN_FILE", str(tmp_path / "token"))
    settings = load_settings(data_dir=tmp_path)
    assert settings.telegram_bot_token is not None
    assert settings.telegram_bot_token.get_secret_value() == "1:invented"
    assert "invented" not in repr(settings)


def test_bad_settings_are_told_without_their_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JANYMDA_PORT", "қырғұл")
    with pytest.raises(SettingsError) as caught:
        load_settings(data_dir=tmp_path)
    assert "PORT" in str(caught.value)
    assert "қырғұл" not in str(caught.value)
