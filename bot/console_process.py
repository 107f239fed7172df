"""The staff console beside the bot: a process of its own that never has Telegram's token."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from bot.app_server import serving
from bot.log import log
from bot.rasa_process import die_with_parent
from referrals.cases import second
from referrals.console.app import console_app
from referrals.crypto import Sealer
from referrals.db import make_engine, session_factory, writing
from referrals.pins import read_pins
from referrals.settings import Settings

RESTART_SECONDS = 3.0
SWEEP_SECONDS = 600.0
# The console opens no conversation, no way back to a chat, and speaks neither with Telegram nor with Rasa.
_BOT_ONLY = ("TELEGRAM_", "JANYMDA_SEALING_KEY", "JANYMDA_ACTIONS_TOKEN")
_STOP_SECONDS = 5.0


async def serve(settings: Settings) -> None:
    """Serve the console until it is told to stop."""
    engine = make_engine(settings.database_url)
    sessions = session_factory(engine)
    app = console_app(
        sessions,
        lambda: datetime.now(UTC),
        Sealer(settings.console_key),
        secure=settings.console_url.startswith("https://"),
        pins=lambda: read_pins(settings.pins_path),
    )
    try:
        async with serving(app, settings.host, settings.console_port):
            while True:
                await asyncio.to_thread(_sweep, sessions)
                await asyncio.sleep(SWEEP_SECONDS)
    finally:
        engine.dispose()


def _sweep(sessions: Callable[[], Session]) -> None:
    """What only the console may touch and nobody needs any more."""
    try:
        with writing(sessions) as session:
            second.sweep(session, datetime.now(UTC))
    except Exception as error:  # the pages are served all the same
        log("chore_failed", error=type(error).__name__)


async def supervise() -> None:
    """Keep a console process alive until cancelled."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(_BOT_ONLY)}
    while True:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.cli", "console", env=env, preexec_fn=die_with_parent
        )
        try:
            await process.wait()
            log("console_stopped", status=process.returncode or 0)
            await asyncio.sleep(RESTART_SECONDS)
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), _STOP_SECONDS)
