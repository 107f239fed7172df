"""`janymda doctor`: what is there, what is missing, and how to mend it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import inspect
from telegram.error import InvalidToken, TelegramError

from bot.app import make_bot
from bot.dialogue import Dialogue
from bot.interface import translate
from bot.model_file import check_model, is_current
from bot.rasa_process import RASA, RasaMissing
from content.model import LOCALES, ContentError, load_catalogue
from content.rates import mci
from referrals.db import make_engine, session_factory
from referrals.directory.freshness import stale_services
from referrals.settings import Settings


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `mend` says what to do about it."""

    level: Literal["ok", "warning", "error"]
    what: str
    mend: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; never raises."""
    checks: tuple[Callable[[Settings], Finding], ...] = (
        _interpreter, _dialogue_environment, _model, _words, _catalogues, _database, _rates,
        _stale, _webhook,
    )  # fmt: skip
    findings = []
    for check in checks:
        try:
            findings.append(check(settings))
        except Exception as error:
            name = check.__name__.strip("_").replace("_", " ")
            findings.append(Finding("error", f"{name}: {type(error).__name__}", "Run: make setup"))
    return [*findings, await _running(settings), await _token(settings)]


def _interpreter(settings: Settings) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] in ((3, 11), (3, 12)):
        return Finding("ok", f"Python {version}")
    return Finding("error", f"Python {version}", "Janymda needs 3.11 or 3.12. Run: make setup")


def _dialogue_environment(settings: Settings) -> Finding:
    if RASA.exists():
        return Finding("ok", "the dialogue engine's environment (.venv-nlu)")
    return Finding("error", "the dialogue engine's environment is missing", "Run: make setup")


def _model(settings: Settings) -> Finding:
    try:
        check_model()
    except RasaMissing as error:
        return Finding("error", "the dialogue model", str(error))
    if not is_current():
        return Finding("warning", "the model is older than its data", "Run: janymda train")
    return Finding("ok", "the dialogue model is the one made from its data")


def _words(settings: Settings) -> Finding:
    try:
        catalogue = load_catalogue()
    except ContentError as error:
        return Finding("error", "content", str(error))
    pending = sum(state == "pending" for state in catalogue.review.values())
    if pending:
        return Finding(
            "warning",
            f"{pending} of {len(catalogue.review)} content files are not reviewed",
            "A child psychologist and a lawyer have to read them before real children do.",
        )
    return Finding("ok", "every content file is reviewed")


def _catalogues(settings: Settings) -> Finding:
    for locale in LOCALES:
        translate("Send", locale)
    return Finding("ok", "the interface's languages are compiled")


def _database(settings: Settings) -> Finding:
    engine = make_engine(settings.database_url)
    try:
        tables = inspect(engine).get_table_names()
    finally:
        engine.dispose()
    if "conversation" not in tables:
        return Finding("error", "the database is empty", "Run: janymda seed")
    return Finding("ok", f"the database ({len(tables)} tables)")


def _rates(settings: Settings) -> Finding:
    year = datetime.now(UTC).year
    if mci(year) is None:
        return Finding(
            "error",
            f"the monthly calculation index of {year} is not known",
            f"Add {year} to content/rates.yaml, with its source: amounts are left out until then.",
        )
    return Finding("ok", f"the monthly calculation index of {year}")


def _stale(settings: Settings) -> Finding:
    engine = make_engine(settings.database_url)
    try:
        with session_factory(engine)() as session:
            stale = len(stale_services(session, datetime.now(UTC)))
    finally:
        engine.dispose()
    if stale:
        return Finding(
            "warning",
            f"{stale} published services were verified too long ago",
            "Somebody has to call them and put down the date.",
        )
    return Finding("ok", "no published service is stale")


def _webhook(settings: Settings) -> Finding:
    if settings.telegram_webhook_url is None:
        return Finding("ok", "no webhook: Telegram is asked by long polling")
    return Finding("ok", "the webhook has its secret")


async def _running(settings: Settings) -> Finding:
    url = settings.rasa_url or f"http://127.0.0.1:{settings.rasa_port}"
    dialogue = Dialogue(url, settings.actions_token)
    try:
        up = await dialogue.is_up()
    finally:
        await dialogue.close()
    return Finding("ok", "the dialogue engine is running" if up else "Janymda is not running now")


async def _token(settings: Settings) -> Finding:
    bot = make_bot(settings)
    if bot is None:
        return Finding("ok", "no TELEGRAM_BOT_TOKEN: only the chat page answers")
    try:
        async with bot:
            return Finding("ok", "Telegram knows the bot's token")
    except InvalidToken:
        return Finding("error", "Telegram does not know this token", "Take it from BotFather once more.")
    except TelegramError as error:
        return Finding("warning", f"Telegram does not answer ({type(error).__name__})", "Is there a network?")
