"""`janymda`: run it, talk to it, look into it."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from bot.app import core_for_a_while
from bot.app import run as run_app
from bot.app_server import NotReady
from bot.log import quiet_libraries
from bot.model_file import TrainingFailed
from bot.model_file import train as train_model
from bot.office import audit_app, database_app, erase, organization_app, staff_app
from bot.rasa_process import RasaMissing
from content.lint import check_content
from content.model import ContentError
from referrals.directory.freshness import Limits, set_limits
from referrals.settings import Settings, SettingsError, load_settings

app = typer.Typer(
    help="Janymda: a child in Kazakhstan finds help.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
content_app = typer.Typer(help="The words that children and caregivers are told.")
app.add_typer(content_app, name="content")
app.add_typer(organization_app, name="organization")
app.add_typer(staff_app, name="staff")
app.add_typer(audit_app, name="audit")
app.add_typer(database_app, name="database")
app.command("erase")(erase)
_out = Console(stderr=True, highlight=False)

Jsonl = Annotated[bool, typer.Option("--jsonl", help="One JSON object a line, for programs.")]


@app.command()
def run() -> None:
    """Start everything and answer until Ctrl-C."""
    _do(run_app(_settings(), _out.print))


@app.command()
def console() -> None:
    """Serve the pages on which organisations answer, alone; `run` starts them too."""
    from bot.console_process import serve

    _do(serve(_settings()))


@app.command()
def chat(jsonl: Jsonl = False) -> None:
    """Talk with Janymda in the terminal, the way a Telegram message takes."""
    from bot.terminal import chat_for_people, chat_jsonl

    async def talk() -> None:
        async with core_for_a_while(_settings(), _out.print) as core:
            await (chat_jsonl if jsonl else chat_for_people)(core, sys.stdin, sys.stdout)

    _do(talk())


@app.command()
def parse(jsonl: Jsonl = False) -> None:
    """Read messages from standard input, one a line, and print how each is understood."""
    from bot.terminal import parse_lines

    async def read() -> None:
        async with core_for_a_while(_settings(), _out.print) as core:
            await parse_lines(core, sys.stdin, sys.stdout, as_json=jsonl)

    _do(read())


@app.command()
def train(
    force: Annotated[bool, typer.Option(help="Train even when nothing changed.")] = False,
) -> None:
    """Train the dialogue model, if its inputs changed."""
    try:
        if not train_model(_out.print, force=force):
            _out.print("The dialogue model is up to date.")
    except (RasaMissing, TrainingFailed) as error:
        _fail(str(error))


@app.command()
def doctor() -> None:
    """Look whether everything that Janymda needs is there; each finding with its mend."""
    from bot.doctor import examine

    findings = asyncio.run(examine(_settings()))
    for finding in findings:
        colour = {"ok": "green", "warning": "yellow", "error": "red"}[finding.level]
        _out.print(f"[{colour}]{finding.level:8}[/] {finding.what}")
        if finding.mend:
            _out.print(f"         → {finding.mend}")
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


@app.command()
def demo() -> None:
    """Fill a folder named `demo` with invented organisations, staff and hand-overs, to look around in."""
    from bot.demo import fill

    fill(_settings(), _out.print, _fail)


@app.command()
def seed() -> None:
    """Create or migrate the database and load the seed directory."""
    from bot.app import open_database

    engine, _ = open_database(_settings())
    engine.dispose()
    _out.print("The database is at the newest schema and holds the seed directory.")


@content_app.command("check")
def content_check() -> None:
    """Check every text: present, short, simple, free of forbidden words and unknown numbers."""
    try:
        report = check_content()
    except ContentError as error:
        _fail(str(error))
    for fault in report.faults:
        _out.print(f"[red]{fault.place}[/]: {fault.what}")
    _out.print(
        f"{report.keys} reply keys, {report.texts} texts, {report.labels} labels; "
        f"{len(report.faults)} faults. Waiting for review: {report.pending} of {report.files} files."
    )
    if report.faults:
        raise typer.Exit(1)


def _settings() -> Settings:
    try:
        settings = load_settings()
    except SettingsError as error:
        _fail(str(error))
    quiet_libraries()
    set_limits(Limits(settings.warn_days, settings.hide_days))
    return settings


def _do(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except (NotReady, RasaMissing, ContentError) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        return


def _fail(sentence: str) -> NoReturn:
    _out.print(f"[red]janymda:[/] {sentence}")
    raise typer.Exit(2)


def main() -> None:
    """The entry point of the `janymda` command."""
    app()


if __name__ == "__main__":
    main()
