"""Where everything is put together: settings in, a running Janymda out."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.actions import ActionsEndpoint
from bot.app_server import serving
from bot.chores import Chores
from bot.console_process import supervise as supervise_console
from bot.dialogue import Dialogue
from bot.guard import find_danger
from bot.handover import Handovers
from bot.interface import COMMAND_WORDS, translate
from bot.log import log
from bot.memory import settle
from bot.model_file import check_model
from bot.outbox import Outbox
from bot.rasa_process import RasaLink, RasaProcess
from bot.telegram import ALLOWED_UPDATES, Telegram
from bot.turn import Turn
from bot.voice import Voice
from bot.webchat import WebChat
from content.model import CONTENT, LOCALES, Catalogue, load_catalogue
from referrals.crypto import Sealer
from referrals.db import make_engine, migrate, session_factory, writing
from referrals.directory.hsds import seed
from referrals.pins import read_pins
from referrals.settings import Settings

STOP_SECONDS = 6.0

Say = Callable[[str], None]


@dataclass
class Core:
    """What every way of running shares."""

    settings: Settings
    engine: Engine
    sessions: Callable[[], Session]
    sealer: Sealer
    catalogue: Catalogue
    dialogue: Dialogue
    turn: Turn
    actions: ActionsEndpoint

    async def close(self) -> None:
        await self.dialogue.close()
        self.engine.dispose()


def open_database(settings: Settings) -> tuple[Engine, Callable[[], Session]]:
    """The database, at the newest schema and with the seed directory in it; its owner's work where it has one."""
    engine = make_engine(settings.database_url)
    sessions = session_factory(engine)
    if settings.database_prepared:
        return engine, sessions
    migrate(engine)
    with writing(sessions) as session:
        seed(session, CONTENT / "directory")
    return engine, sessions


def build(settings: Settings, rasa_url: str | Callable[[], str]) -> Core:
    """Everything but the channels."""
    engine, sessions = open_database(settings)
    catalogue = load_catalogue()
    find_danger("")  # the lexicon is read now, not while the first child waits
    sealer = Sealer(settings.sealing_key)
    token = settings.actions_token

    def pins() -> Mapping[str, str]:
        return read_pins(settings.pins_path)

    dialogue = Dialogue(rasa_url, token, settings.rasa_timeout)
    handovers = Handovers(sessions, sealer, settings.pepper, pins, lambda: datetime.now(UTC))
    turn = Turn(
        sessions=sessions,
        sealer=sealer,
        pepper=settings.pepper,
        dialogue=dialogue,
        voice=Voice(catalogue),
        handovers=handovers,
    )
    return Core(
        settings, engine, sessions, sealer, catalogue, dialogue, turn,
        ActionsEndpoint(sessions, token, pins),
    )  # fmt: skip


def web_app(core: Core, telegram: Telegram | None = None) -> Starlette:
    """The one web application: Rasa's actions, the chat page, health, and Telegram's webhook."""

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok", "dialogue": await core.dialogue.is_up()})

    async def webhook(request: Request) -> Response:
        assert telegram is not None  # the route exists only with it
        assert core.settings.telegram_webhook_secret is not None  # settings see to it
        return await telegram.webhook(request, core.settings.telegram_webhook_secret.get_secret_value())

    routes = [
        Route("/actions", core.actions.handle, methods=["POST"]),
        Route("/health", health),
        *WebChat(core.turn, core.catalogue).routes(),
    ]
    if telegram is not None and core.settings.telegram_webhook_url:
        routes.append(Route("/telegram", webhook, methods=["POST"]))
    return Starlette(routes=routes)


@asynccontextmanager
async def core_for_a_while(settings: Settings, say: Say) -> AsyncIterator[Core]:
    """A core for a command of the terminal: with a running Janymda's Rasa, else with its own."""
    known = settings.rasa_url or f"http://127.0.0.1:{settings.rasa_port}"
    url = known
    core = build(settings, lambda: url)
    try:
        if await core.dialogue.is_up():
            yield core
            return
        say("No Janymda is running: starting its dialogue engine for this command (about 15 s).")
        async with (
            serving(web_app(core), "127.0.0.1", 0) as port,
            supervised(RasaProcess(_link(settings, port, free_port()))) as rasa,
        ):
            url = rasa.url
            yield core
    finally:
        await core.close()


def free_port() -> int:
    """A port of loopback that nobody holds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _link(settings: Settings, actions_port: int, rasa_port: int) -> RasaLink:
    return RasaLink(
        port=rasa_port,
        actions_url=f"http://127.0.0.1:{actions_port}/actions",
        token=settings.actions_token,
    )


@asynccontextmanager
async def supervised(rasa: RasaProcess) -> AsyncIterator[RasaProcess]:
    """Rasa, ready, while the block runs; raises RasaMissing when its model is not ours."""
    check_model()
    task = asyncio.create_task(rasa.run())
    ready = asyncio.create_task(rasa.ready.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()  # raises what kept it from starting
        yield rasa
    finally:
        ready.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def run(settings: Settings, say: Say) -> None:
    """Run Janymda until it is told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    url = settings.rasa_url or f"http://127.0.0.1:{settings.rasa_port}"
    core = build(settings, url)
    telegram_bot = make_bot(settings)
    outbox = Outbox(telegram_bot, core.sessions, core.sealer) if telegram_bot else None
    telegram = None
    if telegram_bot and outbox:
        telegram = Telegram(telegram_bot, core.turn, outbox, lambda: datetime.now(UTC))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(core.close)
        port = await stack.enter_async_context(serving(web_app(core, telegram), settings.host, settings.port))
        chores = Chores(settings, core.engine, core.sessions, core.sealer, core.turn, outbox, lambda: datetime.now(UTC))
        tasks = [asyncio.create_task(chores.run())]
        if settings.console:
            tasks.append(asyncio.create_task(supervise_console()))
        stack.push_async_callback(_cancel, tasks)
        if not settings.rasa_url:
            rasa = RasaProcess(_link(settings, port, settings.rasa_port))
            say("Starting the dialogue engine (about 10 seconds; help is answered already) …")
            await _first(stop, stack.enter_async_context(supervised(rasa)))
        if telegram and outbox and telegram_bot and not stop.is_set():
            await stack.enter_async_context(telegram_bot)
            stack.push_async_callback(outbox.stop)
            tasks += await _open_telegram(core, telegram, outbox, telegram_bot)
        settle()
        log("started", port=port)
        _say_where(settings, port, say)
        await stop.wait()
        say("Stopping …")
    log("stopped")


async def _first(stop: asyncio.Event, work: Any) -> None:
    """Do the work, unless it is told to stop before it is done."""
    task = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if task.done():
        task.result()
    else:
        task.cancel()
        await asyncio.wait({task})


async def _open_telegram(core: Core, telegram: Telegram, outbox: Outbox, bot: Bot) -> list[asyncio.Task[None]]:
    await outbox.start()
    await telegram.introduce(_command_words())
    settings = core.settings
    if settings.telegram_webhook_url and settings.telegram_webhook_secret:
        await bot.set_webhook(
            settings.telegram_webhook_url,
            secret_token=settings.telegram_webhook_secret.get_secret_value(),
            allowed_updates=list(ALLOWED_UPDATES),
            max_connections=40,
        )
        return []
    await bot.delete_webhook()
    return [asyncio.create_task(telegram.poll())]


def make_bot(settings: Settings) -> Bot | None:
    """python-telegram-bot's client, when there is a token."""
    token = settings.telegram_bot_token
    if token is None:
        return None
    return Bot(
        token.get_secret_value(),
        base_url=f"{settings.telegram_api}/bot",
        request=HTTPXRequest(connection_pool_size=32, read_timeout=10, httpx_kwargs={"trust_env": False}),
        get_updates_request=HTTPXRequest(connection_pool_size=2, httpx_kwargs={"trust_env": False}),
    )


def _command_words() -> dict[str, list[tuple[str, str]]]:
    """Telegram's list of commands, by language; `""` is for everybody else."""
    words: dict[str, list[tuple[str, str]]] = {
        locale: [(name, translate(words, locale)) for name, words in COMMAND_WORDS.items()] for locale in LOCALES
    }
    return {**words, "": words["kk"]}


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), STOP_SECONDS)


def _say_where(settings: Settings, port: int, say: Say) -> None:
    say(f"Janymda is talking.  Chat page: http://{settings.host}:{port}/chat")
    if settings.console:
        say(f"Organisations answer on: {settings.console_url}")
    if settings.telegram_bot_token is None:
        say("Telegram: no TELEGRAM_BOT_TOKEN, so only the chat page answers.")
    elif settings.telegram_webhook_url:
        say("Telegram: answering by webhook.")
    else:
        say("Telegram: answering by long polling.")
    say("Ctrl-C stops everything.")
