"""Handing over while the bot dies: a child that presses on, an office that waits, and what must hold at the end."""

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from referrals.cases import receipts
from referrals.cases.models import Case, OrganizationKey, Referral
from referrals.crypto import Sealer, open_with, receipt_keys, referral_purpose
from referrals.db import make_engine, migrate, session_factory, writing
from referrals.directory.models import Organization, Service
from referrals.pins import pin
from referrals.settings import load_settings
from tests.conftest import Running, environment, free_port, telegram_settings
from tests.referrals.handovers import Office
from tests.telegram_server import TelegramServer

CANARY = "меня дразнят кырмуздайкой"
_RECEIPT = re.compile(r"\d{4} \d{4} \d{4} \d{4}")
# Nobody is served while the bot is down: longer than the kills last where a start takes a quarter of a minute.
_WAIT = 1500.0


class Child:
    """Presses its way to Send, again and again; whatever was not answered it waits for, as a child does."""

    def __init__(self, server: TelegramServer, chat: int) -> None:
        self.server, self.chat = server, chat

    def hand_over(self, number: int, words: str = "") -> str:
        """One hand-over; the receipt."""
        self.prepare(number, words)
        return self.send()

    def prepare(self, number: int, words: str = "") -> None:
        """All steps but the last."""
        self._write("меня травят одноклассники в школе", "Да")
        self._press("Да", "Попросить помощь")
        self._press("Попросить помощь", "Юрист")
        self._press("Пропустить", "Школа", "город Астана")
        if self._has("город Астана"):
            self._press("Пропустить", "Школа")
        self._press("Дальше", "Нет, только по коду")
        self._press("Нет, только по коду", "Пропустить")
        self._write(words or f"{CANARY} {self.chat}-{number}", "Передать просьбу")

    def send(self, meanwhile: Callable[[], None] = lambda: None) -> str:
        """The last step; the receipt."""
        self._press("Передать просьбу", "Показать ещё раз", meanwhile=meanwhile)
        found = [m for m in self._said() if _RECEIPT.search(m.text)]
        receipt = _RECEIPT.search(found[-1].text)
        assert receipt is not None
        return receipt.group().replace(" ", "")

    def _said(self) -> list[object]:
        return list(self.server.said(self.chat))  # type: ignore[arg-type] # the fake server is not typed

    def _has(self, label: str) -> bool:
        last = [m for m in self.server.said(self.chat) if m.buttons]
        return bool(last) and any(text == label for text, _ in last[-1].buttons)

    def _write(self, text: str, *awaited: str) -> None:
        before = {m.id for m in self.server.said(self.chat)}
        self.server.write(self.chat, text)
        self._until(before, awaited)

    def _press(self, label: str, *awaited: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        before = {m.id for m in self.server.said(self.chat)}
        self.server.press(self.chat, label)
        self._until(before, awaited, meanwhile)

    def _until(self, before: set[int], awaited: tuple[str, ...], meanwhile: Callable[[], None] = lambda: None) -> None:
        end = time.monotonic() + _WAIT
        while time.monotonic() < end:
            new = [m for m in self.server.said(self.chat) if m.id not in before]
            if any(text in awaited for m in new for text, _ in m.buttons):
                return
            meanwhile()
            time.sleep(0.1)
        raise AssertionError(
            f"chat {self.chat}: waited in vain for {awaited}: {[(m.text[:60], m.buttons) for m in self.server.said(self.chat)[-4:]]}"
        )


def killed_environment(keeper: Running, folder: Path, server: TelegramServer) -> dict[str, str]:
    secrets = Path(keeper.env["JANYMDA_DATA_DIR"]) / "secrets"
    return environment(
        folder, free_port(), free_port(), **telegram_settings(server),
        JANYMDA_RASA_URL=f"http://127.0.0.1:{keeper.rasa_port}", JANYMDA_RASA_TIMEOUT="20",
        JANYMDA_ACTIONS_TOKEN=(secrets / "actions_token").read_text(),
    )  # fmt: skip


def one_office(folder: Path, url: str = "") -> Office:
    """One organisation for the whole country, known to the bot that is killed and to the keeper alike."""
    settings = load_settings(data_dir=folder / "var", database_url=url)
    keeper = load_settings(data_dir=folder.parent / "keeper" / "var")
    office = Office(session_factory(make_engine(settings.database_url)), settings.database_url)
    migrate(make_engine(settings.database_url))
    organization = office.add("Invented", region=None, at=datetime.now(UTC))
    pin(settings.pins_path, str(organization), office.pins[str(organization)])
    _copy(office, keeper.database_url, organization)
    pin(keeper.pins_path, str(organization), office.pins[str(organization)])
    return office


def _copy(office: Office, url: str, organization: object) -> None:
    """The same organisation in the keeper's database."""
    sessions = session_factory(make_engine(url))
    with office.sessions() as source, writing(sessions) as target:
        for model in (Organization, Service, OrganizationKey):
            for row in source.scalars(select(model)):
                if getattr(row, "organization_id", row.id) == organization:
                    values = {c.name: getattr(row, c.name) for c in model.__table__.columns}
                    target.add(model(**values))
                    target.flush()


def check_cases(office: Office, folder: Path, shown: list[str], wanted: set[str], sample: int = 1) -> None:
    """Every hand-over arrived once, is readable by its organisation only, and opens with its receipt.

    Each `sample`-th receipt is tried: deriving its keys is slow on purpose.
    """
    settings = load_settings(data_dir=folder / "var")
    with office.sessions() as session:
        cases = session.scalars(select(Case)).all()
        sealed = session.scalars(select(Referral)).all()
        print(f"{len(wanted)} hand-overs: {len(cases)} cases")
        assert len(cases) == len(sealed) == len(wanted)
        read = []
        for referral in sealed:
            assert referral.sealed is not None
            private = office.keys[referral.organization_id].private
            purpose = referral_purpose(referral.case_id, referral.organization_id)
            read.append(json.loads(open_with(private, referral.sealed, purpose))["words"])
        # Every child's words arrived once, with nothing of another child's.
        assert sorted(word for words in read for word in words.split("\n")) == sorted(wanted)
        for receipt in shown[::sample]:
            keys = receipt_keys(receipt, settings.pepper)
            case = receipts.find_case(session, keys)
            assert case is not None
            assert case.reply_wrapped is not None
            assert Sealer(keys.key).open(case.reply_wrapped, f"reply:{case.id}")
    # A PostgreSQL server's own files, its log of writes among them, lie in the same folder.
    remains = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "output.log")
    assert CANARY.encode() not in remains
    assert CANARY.encode() not in (folder / "output.log").read_bytes()
