"""What the bot and the console may do in PostgreSQL (SECURITY C7): enough for their work, and no column more."""

import json
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

import bot.inventory  # noqa: F401 importing it registers every table
from bot import storage
from referrals import audit, people
from referrals.cases import followup, lifecycle, receipts, retention
from referrals.cases.models import Disposition, Referral, ReferralState
from referrals.crypto import open_with, receipt_keys, referral_purpose
from referrals.db import Base, make_engine, migrate, session_factory, writing
from referrals.notices import deliver_due
from referrals.reminders import remind
from referrals.roles import GRANTS, Process, grant
from tests.postgres import Server
from tests.referrals.handovers import EASY, NOW, PEPPER, Office

WORDS = "меня дразнят кырмуздайкой"
_SECRET_OF_THE_BOT = (
    ("referral", "sealed"), ("case_message", "to_organization"), ("organization_key", "wrapped"),
    ("organization_key", "recovery"), ("staff", "password"), ("staff", "totp"), ("staff", "recovery_codes"),
    ("staff_session", "token"), ("invitation", "token"),
)  # fmt: skip


class Roles:
    """One database, and it as each process sees it."""

    def __init__(self, server: Server) -> None:
        url = server.database()
        name = url.rsplit("/", 1)[1]
        self.owner = make_engine(url)
        migrate(self.owner)
        self.names = {process: f"{process.value}_{name}" for process in Process}
        self.engines = {}
        for process, role in self.names.items():
            with self.owner.begin() as connection:
                connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
                grant(connection, Base.metadata, process, role)
            self.engines[process] = make_engine(url.replace("postgres@", f"{role}@"))
        self.bot = Office(session_factory(self.engines[Process.BOT]), url)
        self.console = session_factory(self.engines[Process.CONSOLE])

    def close(self) -> None:
        for engine in (self.owner, *self.engines.values()):
            engine.dispose()


@pytest.fixture
def roles(postgres: Server) -> Roles:
    made = Roles(postgres)
    # The owner adds the organisation; the bot only reads the directory.
    owner = Office(
        session_factory(made.owner), "", made.bot.sealer, made.bot.pins, made.bot.keys, made.bot.organizations
    )
    owner.add("first")
    owner.add("second")
    return made


def test_every_table_is_somebodys_and_nobody_has_all() -> None:
    tables = set(Base.metadata.tables)
    named = {name for grants in GRANTS.values() for name in grants} - {"alembic_version"}
    assert named <= tables
    assert tables <= named, "a new table: say in referrals/roles.py who may do what with it"
    for process in Process:
        for name, access in GRANTS[process].items():
            assert access.unread <= set(Base.metadata.tables[name].columns.keys() if access.unread else ())


async def test_a_hand_over_goes_its_whole_way_with_the_two_roles(roles: Roles) -> None:
    bot = roles.bot
    receipt = bot.send(words=WORDS)
    with writing(bot.sessions) as session:
        storage.sweep(session, NOW)
        people.sweep(session, NOW)
        assert followup.ask_due(session, NOW) == 0
        assert lifecycle.add_words(session, bot.case(session), WORDS, NOW)
    assert remind(bot.sessions, lambda letter: None, "http://x", NOW, _raise) == 0

    async def send(letter: object) -> None:
        return None

    assert await deliver_due(bot.sessions, {"mail": send}, "http://x", NOW, _raise) > 0
    with writing(roles.console) as session:
        referral = _holder(bot, session)
        private = bot.keys[referral.organization_id].private
        assert referral.sealed is not None
        opened = json.loads(
            open_with(private, referral.sealed, referral_purpose(referral.case_id, referral.organization_id))
        )
        assert WORDS in json.dumps(opened, ensure_ascii=False)
        lifecycle.accept(session, referral, "staff:1", NOW)
        lifecycle.answer(session, referral, "Invented answer", "staff:1", NOW)
        lifecycle.note(session, referral, "Invented note", "staff:1", NOW)
    keys = receipt_keys(receipt, PEPPER, EASY)
    with writing(bot.sessions) as session:
        case = receipts.find_case(session, keys)
        assert case is not None
        assert receipts.read_status(session, case, keys, NOW).answers == ("Invented answer",)
        lifecycle.escalate(session, NOW + timedelta(days=9))
    with writing(roles.console) as session:
        lifecycle.close(session, _holder(bot, session), Disposition.HELPED, "staff:1", NOW)
    with writing(bot.sessions) as session:
        assert retention.sweep(session, NOW + timedelta(days=91)).cases == 1
        assert audit.verify(session) is None
    bot.send(words=WORDS, child="telegram:2", at=NOW + timedelta(hours=1))
    with writing(bot.sessions) as session:
        lifecycle.escalate(session, NOW + timedelta(days=9))
        lifecycle.escalate(session, NOW + timedelta(days=30))
        assert {r.state for r in bot.case(session).referrals} == {ReferralState.REJECTED, ReferralState.IN_PROGRESS}
        lifecycle.revoke(session, bot.case(session), audit.CHILD, NOW)
        retention.forget_profile(session, b"x")
    roles.close()


def _holder(office: Office, session: Session) -> Referral:
    holder = lifecycle.holder_of(office.case(session))
    assert holder is not None
    return holder


def _raise(error: Exception) -> None:
    raise error


def test_the_bot_reads_nothing_back_that_it_has_sealed(roles: Roles) -> None:
    roles.bot.send(words=WORDS)
    for table, column in _SECRET_OF_THE_BOT:
        assert _refused(roles.bot.sessions, f"SELECT {column} FROM {table}"), f"{table}.{column}"
        assert _refused(roles.bot.sessions, f"SELECT * FROM {table}"), table
        assert _refused(roles.bot.sessions, f"SELECT count({column}) FROM {table}"), f"{table}.{column}"
    # The owner, for comparison: the statement itself is right.
    with roles.owner.connect() as connection:
        assert connection.exec_driver_sql("SELECT sealed FROM referral").first() is not None
    roles.close()


@pytest.mark.parametrize("process", list(Process))
def test_nobody_changes_the_audit_trail_or_the_schema(roles: Roles, process: Process) -> None:
    roles.bot.send()
    sessions = roles.bot.sessions if process is Process.BOT else roles.console
    for statement in (
        "UPDATE audit_event SET actor = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL", "DROP TABLE audit_event", "CREATE TABLE mine (a int)",
    ):  # fmt: skip
        assert _refused(sessions, statement), statement
    roles.close()


def test_each_keeps_to_its_own_tables(roles: Roles) -> None:
    for name in sorted(Base.metadata.tables):
        for process in Process:
            access = GRANTS[process].get(name)
            sessions = roles.bot.sessions if process is Process.BOT else roles.console
            assert _refused(sessions, f"SELECT count(*) FROM {name}") == (access is None), (process, name)
            allowed = access is not None and "DELETE" in access.verbs
            assert _refused(sessions, f"DELETE FROM {name} WHERE false") == (not allowed), (process, name)
    assert _refused(roles.bot.sessions, "UPDATE organization_key SET public_key = 'x'")
    assert _refused(roles.bot.sessions, "UPDATE phone SET number = '1'")
    roles.close()


def test_granting_again_takes_back_what_was_given_by_hand(roles: Roles) -> None:
    role = roles.names[Process.BOT]
    with roles.owner.begin() as connection:
        connection.exec_driver_sql(f"GRANT SELECT ON referral TO {role}")
    assert not _refused(roles.bot.sessions, "SELECT sealed FROM referral")
    with roles.owner.begin() as connection:
        grant(connection, Base.metadata, Process.BOT, role)
    assert _refused(roles.bot.sessions, "SELECT sealed FROM referral")
    roles.close()


def _refused(sessions: object, statement: str) -> bool:
    with sessions() as session:  # type: ignore[operator] # a factory
        assert isinstance(session, Session)
        try:
            session.execute(text(statement))
        except ProgrammingError as error:
            return isinstance(error.orig, psycopg.errors.InsufficientPrivilege)
        finally:
            session.rollback()
    return False
