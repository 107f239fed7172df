"""200 conversations with words that exist nowhere; then every place is searched (SECURITY C1, C3, C4)."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import canaries
from tests.conftest import ROOT, janymda, telegram_settings
from tests.postgres import server
from tests.telegram_server import TelegramServer

# In the files of a server there is much more to search for each word.
CONVERSATIONS = {"sqlite": 200, "postgresql": 40}
_TELLING = (
    "отчим бьёт меня {0}, я {1} боюсь {2}",
    "мені {1} деген сыныптасым мазақтайды {0} {2}",
    "меня зовут {0} и я хочу умереть {1} {2}",
    "{2} {1} {0}",
    '/confirm_{2}{{"{0}": "{1}"}}',
    "где кризисный центр {0} {1} {2}",
    "{0}" * 300 + " {1} {2}",
)


@pytest.mark.parametrize("word", ["қырғұлөңдүһі", "болгурдмяжво", "braxquvopzyk"])
def test_the_scanner_finds_every_planted_form(word: str) -> None:
    scanner = canaries.Scanner([word])
    planted = canaries.planted(word)
    assert len(planted) >= 14
    missed = [name for name, content in planted.items() if not scanner.scan(content)]
    assert missed == []


def test_the_scanner_finds_nothing_where_nothing_is() -> None:
    scanner = canaries.Scanner(w for words in canaries.make(20) for w in words)
    assert scanner.scan((ROOT / "bot" / "guard_lexicon.yaml").read_bytes()) == set()


@pytest.fixture
def own_temporary_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The database; PostgreSQL keeps its files, its log of writes among them, in a folder that is searched."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'var' / 'janymda.db'}"
    else:
        with server(tmp_path) as postgres:
            yield postgres.database()


def test_conversations_leave_no_word_anywhere(tmp_path: Path, own_temporary_folder: Path, url: str) -> None:
    """Database with its log, output of all processes, temporary folders; every logger at DEBUG."""
    count = CONVERSATIONS["sqlite" if url.startswith("sqlite") else "postgresql"]
    words = canaries.make(count)
    scanner = canaries.Scanner(word for three in words for word in three)
    with TelegramServer(seed=5).running() as telegram:
        settings = {
            **telegram_settings(telegram),
            "JANYMDA_DATABASE_URL": url,
            "JANYMDA_LOG_LEVEL": "DEBUG",
            "TMPDIR": str(own_temporary_folder),
            "HOME": str(tmp_path),
        }
        with janymda(tmp_path, **settings) as running:
            for number, three in enumerate(words, 1):
                for line in (number, number + 1):
                    telegram.write(number, _TELLING[line % len(_TELLING)].format(*three))
                telegram.give(message=telegram.message_of(number, caption=" ".join(three), photo=_photo()))
                telegram.give(edited_message=telegram.message_of(number, text=" ".join(three)))
                telegram.give(message={"text": three[0], "chat": {"id": "broken"}, "date": three[1]})
            telegram.wait_for(telegram.all_confirmed, 240)
            telegram.wait_for(lambda: len(_answered(telegram)) == count, 120)
            hits = scanner.scan_files([tmp_path])
        hits |= scanner.scan_files([tmp_path, Path("/dev/shm"), *_rasa_places(running.env)])
        bot_said = " ".join(m.text for m in telegram.messages if m.mine).encode()
    assert hits == {}
    assert scanner.scan(bot_said) == set(), "no reply repeats what a child wrote (SECURITY F4)"
    where = tmp_path / "var" if url.startswith("sqlite") else tmp_path / "cluster"
    database = b"".join(path.read_bytes() for path in where.rglob("*") if path.is_file())
    assert b"conversation" in database, "the database was there to be searched"
    assert b"invented_" not in database
    assert (tmp_path / "output.log").stat().st_size > 0, "the logs were there to be searched"


def _answered(server: TelegramServer) -> set[int]:
    return {m.chat for m in server.messages if m.mine}


def _rasa_places(env: dict[str, str]) -> list[Path]:
    return [path for path in (Path(tempfile.gettempdir()) / "rasa", Path(env["HOME"])) if path.exists()]


def _photo() -> list[dict[str, object]]:
    return [{"file_id": "invented", "file_unique_id": "x", "width": 1, "height": 1}]
