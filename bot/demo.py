"""`janymda demo`: an invented Janymda in a folder of its own, never beside real children's words."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn

from bot.app import open_database
from referrals import demo
from referrals.db import writing
from referrals.settings import Settings

FOLDER = "demo"


def fill(settings: Settings, say: Callable[[str], None], refuse: Callable[[str], NoReturn]) -> None:
    """Begin anew in the demo's folder and print how to log in."""
    database = settings.data_dir / "janymda.db"
    if settings.data_dir.name != FOLDER or settings.database_url != f"sqlite:///{database}":
        refuse("The demo lives in a folder of its own. Start it with: make demo")
    if settings.telegram_bot_token is not None:
        refuse("TELEGRAM_BOT_TOKEN is set: invented organisations must never be told to a real child. Unset it first")
    for path in (database, *(database.with_name(database.name + end) for end in ("-wal", "-shm")), settings.pins_path):
        path.unlink(missing_ok=True)
    engine, sessions = open_database(settings)
    with writing(sessions) as session:
        made = demo.build(session, settings, datetime.now(UTC))
    engine.dispose()
    say("Everything in this demo is invented.")
    say(f"Console: {settings.console_url}   password of everybody: {demo.PASSWORD}")
    say(f"Passphrase of the organisations: {demo.PASSPHRASE}")
    for account in made.accounts:
        say(f"  {account.email:30}  codes, each works once: {' '.join(account.codes[:2])}")
    say(f"Receipt of the newest hand-over, for the chat page: {made.receipt}")
