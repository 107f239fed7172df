"""Two hundred hand-overs while the bot is killed fifty times (SECURITY D1, D3): none lost, doubled or readable."""

import json
import random
import re
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from referrals.cases import receipts
from referrals.cases.models import Case, Referral
from referrals.crypto import Sealer, open_with, receipt_keys, referral_purpose
from referrals.db import make_engine, session_factory
from referrals.pins import pin
from referrals.settings import load_settings
from tests.conftest import Running, environment, free_port, janymda, start, telegram_settings, wait_until_talking
from tests.referrals.handovers import Office
from tests.telegram_server import TelegramServer

CHILDREN, EACH, KILLS = 20, 10, 50
CANARY = "меня дразнят кырмуздайкой"
_RECEIPT = re.compile(r"\d{4} \d{4} \d{4} \d{4}")
# Nobody is served while the bot is down, and after each start whoever waited longest is not always first.
_WAIT = 420.0


class _Child:
    """Presses its way to Send, again and again; whatever was not answered it waits for, as a child does."""

    def __init__(self, server: TelegramServer, chat: int) -> None:
        self.server, self.chat = server, chat

    def hand_over(self, number: int) -> str:
        """One hand-over; the receipt."""
        self._write("меня травят одноклассники в школе", "Да")
        self._press("Да", "Попросить помощь")
        self._press("Попросить помощь", "Юрист")
        self._press("Пропустить", "Школа", "город Астана")
        if self._has("город Астана"):
            self._press("Пропустить", "Школа")
        self._press("Дальше", "Нет, только по коду")
        self._press("Нет, только по коду", "Пропустить")
        self._write(f"{CANARY} {self.chat}-{number}", "Передать просьбу")
        self._press("Передать просьбу", "Показать ещё раз")
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

    def _press(self, label: str, *awaited: str) -> None:
        before = {m.id for m in self.server.said(self.chat)}
        self.server.press(self.chat, label)
        self._until(before, awaited)

    def _until(self, before: set[int], awaited: tuple[str, ...]) -> None:
        end = time.monotonic() + _WAIT
        while time.monotonic() < end:
            new = [m for m in self.server.said(self.chat) if m.id not in before]
            if any(text in awaited for m in new for text, _ in m.buttons):
                return
            time.sleep(0.05)
        raise AssertionError(
            f"chat {self.chat}: waited in vain for {awaited}: {[(m.text[:60], m.buttons) for m in self.server.said(self.chat)[-4:]]}"
        )


def test_fifty_kills_lose_no_hand_over_and_double_none(tmp_path: Path) -> None:
    for name in ("keeper", "killed"):
        (tmp_path / name).mkdir()
    with janymda(tmp_path / "keeper") as keeper, TelegramServer(seed=5).running() as server:
        env = _environment(keeper, tmp_path / "killed", server)
        office = _office(tmp_path / "killed")
        # The keeper answers Rasa's calls: it looks for organisations in the same database.
        stop = threading.Event()
        killer = threading.Thread(target=_kill, args=(env, tmp_path / "killed", stop))
        killer.start()
        try:
            with ThreadPoolExecutor(CHILDREN) as pool:
                made = list(pool.map(lambda chat: _hand_overs(server, chat), range(1, CHILDREN + 1)))
        finally:
            stop.set()
            killer.join()
        shown = [receipt for receipts_ in made for receipt in receipts_]
        # Nothing was said twice either: every hand-over took the same way.
        said = Counter(m.text for m in server.messages if m.mine and m.text.startswith("Готово"))
        assert sum(said.values()) == CHILDREN * EACH
        assert len(set(shown)) == CHILDREN * EACH
        _check(office, tmp_path / "killed", shown)


def _hand_overs(server: TelegramServer, chat: int) -> list[str]:
    child = _Child(server, chat)
    return [child.hand_over(number) for number in range(EACH)]


def _environment(keeper: Running, folder: Path, server: TelegramServer) -> dict[str, str]:
    secrets = Path(keeper.env["JANYMDA_DATA_DIR"]) / "secrets"
    return environment(
        folder, free_port(), free_port(), **telegram_settings(server),
        JANYMDA_RASA_URL=f"http://127.0.0.1:{keeper.rasa_port}", JANYMDA_RASA_TIMEOUT="20",
        JANYMDA_ACTIONS_TOKEN=(secrets / "actions_token").read_text(),
    )  # fmt: skip


def _office(folder: Path) -> Office:
    """One organisation for the whole country, known to the bot that is killed and to the keeper alike."""
    settings = load_settings(data_dir=folder / "var")
    keeper = load_settings(data_dir=folder.parent / "keeper" / "var")
    office = Office(session_factory(make_engine(settings.database_url)), settings.database_url)
    from referrals.db import migrate

    migrate(make_engine(settings.database_url))
    organization = office.add("Invented", region=None, at=datetime.now(UTC))
    pin(settings.pins_path, str(organization), office.pins[str(organization)])
    _copy(office, keeper.database_url, organization)
    pin(keeper.pins_path, str(organization), office.pins[str(organization)])
    return office


def _copy(office: Office, url: str, organization: object) -> None:
    """The same organisation in the keeper's database."""
    from referrals.cases.models import OrganizationKey
    from referrals.db import writing
    from referrals.directory.models import Organization, Service

    sessions = session_factory(make_engine(url))
    with office.sessions() as source, writing(sessions) as target:
        for model in (Organization, Service, OrganizationKey):
            for row in source.scalars(select(model)):
                if getattr(row, "organization_id", row.id) == organization:
                    values = {c.name: getattr(row, c.name) for c in model.__table__.columns}
                    target.add(model(**values))
                    target.flush()


def _kill(env: dict[str, str], folder: Path, stop: threading.Event) -> None:
    chance = random.Random(20_261_124)
    port = int(env["JANYMDA_PORT"])
    for _ in range(KILLS):
        process = start(env, folder)
        wait_until_talking(port, process, dialogue=False)
        time.sleep(chance.uniform(0.3, 4.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    process = start(env, folder)
    stop.wait()
    # A Ctrl-C while Python still imports may be swallowed by the import machinery itself.
    wait_until_talking(port, process, dialogue=False)
    process.send_signal(signal.SIGINT)
    process.wait(20)


def _check(office: Office, folder: Path, shown: list[str]) -> None:
    settings = load_settings(data_dir=folder / "var")
    wanted = {f"{CANARY} {chat}-{number}" for chat in range(1, CHILDREN + 1) for number in range(EACH)}
    with office.sessions() as session:
        cases = session.scalars(select(Case)).all()
        sealed = session.scalars(select(Referral)).all()
        print(f"{len(wanted)} hand-overs, {KILLS} kills: {len(cases)} cases")
        assert len(cases) == len(sealed) == len(wanted)
        read = []
        for referral in sealed:
            assert referral.sealed is not None
            private = office.keys[referral.organization_id].private
            purpose = referral_purpose(referral.case_id, referral.organization_id)
            read.append(json.loads(open_with(private, referral.sealed, purpose))["words"])
        # Every child's words arrived once, with nothing of another child's.
        assert sorted(word for words in read for word in words.split("\n")) == sorted(wanted)
        for receipt in shown[::20]:
            keys = receipt_keys(receipt, settings.pepper)
            case = receipts.find_case(session, keys)
            assert case is not None
            assert case.reply_wrapped is not None
            assert Sealer(keys.key).open(case.reply_wrapped, f"reply:{case.id}")
    remains = b"".join(path.read_bytes() for path in (folder / "var").rglob("*") if path.is_file())
    assert CANARY.encode() not in remains
    assert CANARY.encode() not in (folder / "output.log").read_bytes()
