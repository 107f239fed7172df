"""`janymda organization`, `audit` and `erase`: what an administrator does in the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from bot.app import open_database
from bot.handover import find_receipt
from referrals import audit, people, roles
from referrals.cases import lifecycle, receipts, retention
from referrals.cases.keys import WeakPassphrase, make_key
from referrals.cases.models import NoticeAddress, OrganizationKey
from referrals.crypto import fingerprint, receipt_keys
from referrals.db import Base, checkpoint, writing
from referrals.directory.models import Organization
from referrals.pins import PinsUnreadable, pin, read_pins
from referrals.settings import Settings, SettingsError, load_settings

organization_app = typer.Typer(help="Organisations that take hand-overs: keys, pins, notices.", no_args_is_help=True)
staff_app = typer.Typer(help="Who works in the console.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit trail.", no_args_is_help=True)
database_app = typer.Typer(help="The database's roles.", no_args_is_help=True)
_ADMINISTRATOR = "administrator"

Identity = Annotated[str, typer.Argument(help="The organisation's id; `janymda organization list` shows it.")]


class _Refused(typer.Exit):
    """Bad input: one sentence, exit code 2."""

    def __init__(self, sentence: str) -> None:
        typer.secho(f"janymda: {sentence}", err=True, fg="red")
        super().__init__(2)


@contextmanager
def _open() -> Iterator[tuple[Settings, Session]]:
    try:
        settings = load_settings()
    except SettingsError as error:
        raise _Refused(str(error)) from None
    engine, sessions = open_database(settings)
    try:
        with writing(sessions) as session:
            yield settings, session
        checkpoint(engine)
    except PinsUnreadable as error:
        raise _Refused(str(error)) from None
    finally:
        engine.dispose()


def _find(session: Session, identity: str) -> Organization:
    try:
        found = session.get(Organization, UUID(identity))
    except ValueError:
        raise _Refused(f"{identity} is no id. Look it up with: janymda organization list") from None
    if found is None:
        raise _Refused("There is no such organisation. Look it up with: janymda organization list")
    return found


@organization_app.command("list")
def list_organizations() -> None:
    """Every organisation, and whether its key is there and pinned."""
    with _open() as (settings, session):
        pins = read_pins(settings.pins_path)
        for organization in session.scalars(select(Organization)):
            key = _key(session, organization.id)
            state = "no key"
            if key is not None:
                pinned = pins.get(str(organization.id)) == fingerprint(key.public_key)
                state = f"key {fingerprint(key.public_key)} {'pinned' if pinned else 'NOT PINNED'}"
            typer.echo(f"{organization.id}  {organization.name.get('ru', '')}  {state}")


@organization_app.command("key")
def make(identity: Identity) -> None:
    """Make an organisation's key; its passphrase is typed by its own people, twice, and never shown."""
    passphrase = typer.prompt("Passphrase of the organisation", hide_input=True, confirmation_prompt=True)
    with _open() as (_, session):
        organization = _find(session, identity)
        try:
            made = make_key(session, organization.id, passphrase, _ADMINISTRATOR, datetime.now(UTC))
        except WeakPassphrase as error:
            raise _Refused(str(error)) from None
    typer.echo(f"Fingerprint: {made.fingerprint}")
    typer.echo(f"Recovery code, for the paper in the safe, shown this once: {made.recovery_code}")
    typer.echo(f"Compare the fingerprint by telephone, then: janymda organization pin {identity} {made.fingerprint}")


@organization_app.command("pin")
def pin_key(identity: Identity, heard: Annotated[str, typer.Argument(help="The fingerprint as you heard it.")]) -> None:
    """Trust an organisation's key, after its fingerprint was compared by voice."""
    with _open() as (settings, session):
        organization = _find(session, identity)
        key = _key(session, organization.id)
        if key is None:
            raise _Refused(f"It has no key yet. Make one with: janymda organization key {identity}")
        if fingerprint(key.public_key) != heard.strip().lower():
            raise _Refused("This is not the fingerprint of the key in the database. Do not trust that key; ask again.")
        pin(settings.pins_path, str(organization.id), fingerprint(key.public_key))
        audit.record(
            session, at=datetime.now(UTC), actor=_ADMINISTRATOR, action="key_pinned", subject=f"organization:{identity}"
        )
    typer.echo("Pinned: the bot seals to this key from now on.")


@organization_app.command("notice")
def add_address(
    identity: Identity,
    address: Annotated[str, typer.Argument(help="An e-mail address, or the number of a Telegram chat.")],
    language: Annotated[str, typer.Option(help="kk, ru or en.")] = "kk",
    by_link: Annotated[bool, typer.Option(help="Without accounts: each notice carries a one-time link.")] = False,
) -> None:
    """Where an organisation is told that something waits."""
    if language not in ("kk", "ru", "en"):
        raise _Refused("The language is kk, ru or en.")
    channel = "mail" if "@" in address else "telegram"
    if channel == "telegram" and not address.lstrip("-").isdigit():
        raise _Refused(f"{address} is neither an e-mail address nor the number of a Telegram chat.")
    with _open() as (_, session):
        organization = _find(session, identity)
        session.add(
            NoticeAddress(
                organization_id=organization.id, channel=channel, address=address, language=language, by_link=by_link
            )
        )
    typer.echo("Added.")


@staff_app.command("add")
def add_staff(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    email: Annotated[str, typer.Argument(help="The e-mail address to log in with.")],
    role: Annotated[str, typer.Option(help="What for: editor, reviewer, lead …")] = "administrator",
    organization: Annotated[str, typer.Option(help="For case workers and leads: the organisation's id.")] = "",
) -> None:
    """Make an account; prints the one-time link by which the person sets a password and the app's code."""
    with _open() as (settings, session):
        home = _find(session, organization).id if organization else None
        try:
            token = people.invite(
                session, name=name, email=email, role=role, organization_id=home, actor=_ADMINISTRATOR,
                at=datetime.now(UTC),
            )  # fmt: skip
        except people.PeopleError as error:
            raise _Refused(str(error)) from None
        link = f"{settings.console_url}/invitation/{token}"
    typer.echo(f"One-time link, good for three days; give it to the person yourself: {link}")


@database_app.command("grant")
def grant_roles(
    bot: Annotated[str, typer.Option(help="The role that the bot connects as.")],
    console: Annotated[str, typer.Option(help="The role that the console connects as.")],
) -> None:
    """As the database's owner: give the two roles of PostgreSQL what their processes need, and nothing else."""
    with _open() as (_, session):
        connection = session.connection()
        if connection.dialect.name != "postgresql":
            raise _Refused("Only PostgreSQL has roles; JANYMDA_DATABASE_URL names another database.")
        try:
            for process, role in ((roles.Process.BOT, bot), (roles.Process.CONSOLE, console)):
                count = roles.grant(connection, Base.metadata, process, role)
                typer.echo(f"{role}: {count} statements, as {process.value}.")
        except ProgrammingError:
            raise _Refused("One of the roles does not exist. Make it first: CREATE ROLE … LOGIN") from None


@audit_app.command("verify")
def verify_audit() -> None:
    """Is the audit trail whole? Names the first place where it is not."""
    with _open() as (_, session):
        broken = audit.verify(session)
        head = audit.head_of(session)
    if broken is not None:
        typer.secho(f"Broken at record {broken.position}: {broken.what}.", fg="red")
        raise typer.Exit(1)
    typer.echo(f"Whole. Keep this elsewhere, it pins everything before it: {head}")


def erase(receipt: Annotated[str, typer.Argument(help="The 16 digits that the child was given.")]) -> None:
    """Erase a case on the child's request, shown by its receipt: words, answers, keys, the way back."""
    digits = find_receipt(receipt)
    if digits is None:
        raise _Refused("A receipt has 16 digits.")
    with _open() as (settings, session):
        case = receipts.find_case(session, receipt_keys(digits, settings.pepper))
        if case is None:
            raise _Refused("No case has this receipt.")
        at = datetime.now(UTC)
        lifecycle.revoke(session, case, _ADMINISTRATOR, at)
        retention.erase_case(session, case, _ADMINISTRATOR, at)
    typer.echo("Erased.")


def _key(session: Session, organization_id: UUID) -> OrganizationKey | None:
    return session.scalar(
        select(OrganizationKey).where(
            OrganizationKey.organization_id == organization_id, OrganizationKey.retired_at.is_(None)
        )
    )
