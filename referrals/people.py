"""The staff: who they are, how they come in by a one-time link, log in, and are put out again."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pyotp
from sqlalchemy import JSON, ForeignKey, Integer, LargeBinary, String, Uuid, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from referrals import audit, throttle
from referrals.crypto import PASSWORD, Hardness, Sealer, hash_password, is_password, slow_digest, token_digest
from referrals.db import Base, UtcDateTime
from referrals.permissions import OF_AN_ORGANIZATION, Role

SHORTEST_PASSWORD = 12
INVITATION_LIVES = timedelta(days=3)
IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=12)
RECOVERY_CODES = 8
_STEP_SECONDS = 30
_ISSUER = "Janymda"
_NONE = {"privacy": "none"}
_STAFF = {"privacy": "staff"}
_HASHED = {"privacy": "hashed"}
_SEALED = {"privacy": "sealed"}


class PeopleError(Exception):
    """Something about an account is not possible; the message says what to do."""


class Staff(Base):
    """A person who works in the console."""

    __tablename__ = "staff"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4, info=_NONE)
    name: Mapped[str] = mapped_column(String(80), info=_STAFF)
    email: Mapped[str] = mapped_column(String(200), unique=True, info=_STAFF)
    organization_id: Mapped[UUID | None] = mapped_column(ForeignKey("organization.id"), index=True, info=_STAFF)
    role: Mapped[str] = mapped_column(String(20), info=_NONE)
    # Read only where somebody logs in: the bot, which writes to the staff, may not (roles.py).
    password: Mapped[str | None] = mapped_column(String(200), deferred=True, info=_HASHED)
    totp: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True, info=_SEALED)
    # The last time step whose code was used: no code works twice.
    totp_last: Mapped[int] = mapped_column(Integer, default=0, info=_NONE)
    recovery_codes: Mapped[list[str]] = mapped_column(JSON, default=list, deferred=True, info=_HASHED)
    joined_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)
    conduct_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime, info=_NONE)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, info=_NONE)

    @property
    def actor(self) -> str:
        """The name in the audit trail."""
        return f"staff:{self.id}"


class StaffSession(Base):
    """A log-in that is still good. Only the digest of its token is kept."""

    __tablename__ = "staff_session"

    token: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info=_HASHED)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True, info=_NONE)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, info=_NONE)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, info=_NONE)


class Invitation(Base):
    """A one-time link by which a person sets a password and a second factor."""

    __tablename__ = "invitation"

    token: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info=_HASHED)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True, info=_NONE)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, info=_NONE)


@dataclass(frozen=True)
class Enrolment:
    """What a new person's app needs."""

    secret: str
    uri: str


# -- coming in


def invite(
    session: Session, *, name: str, email: str, role: str, organization_id: UUID | None, actor: str, at: datetime
) -> str:
    """Make an account and its one-time token; raises PeopleError."""
    address = email.strip().lower()
    if role not in set(Role):
        raise PeopleError(f"The role is one of: {', '.join(Role)}.")
    if "@" not in address or len(address) > 200 or not 2 <= len(name.strip()) <= 80:
        raise PeopleError("Give a name of 2 to 80 characters and an e-mail address.")
    if (Role(role) in OF_AN_ORGANIZATION) != (organization_id is not None):
        raise PeopleError("Case workers and leads belong to an organisation; the other roles belong to none.")
    if session.scalar(select(Staff.id).where(Staff.email == address)) is not None:
        raise PeopleError("There is an account with this address already.")
    person = Staff(name=name.strip(), email=address, role=role, organization_id=organization_id, created_at=at)
    session.add(person)
    session.flush()
    audit.record(
        session, at=at, actor=actor, action="staff_invited", subject=f"staff:{person.id}", details={"role": role}
    )
    return new_invitation(session, person, at)


def new_invitation(session: Session, person: Staff, at: datetime) -> str:
    """A fresh one-time token; older ones stop working."""
    session.execute(delete(Invitation).where(Invitation.staff_id == person.id))
    token = secrets.token_urlsafe(32)
    session.add(Invitation(token=token_digest(token), staff_id=person.id, expires_at=at + INVITATION_LIVES))
    return token


def invited(session: Session, token: str, at: datetime) -> Staff | None:
    """Whose living invitation this is."""
    found = session.get(Invitation, token_digest(token))
    if found is None or found.expires_at <= at:
        return None
    person = session.get(Staff, found.staff_id)
    return person if person and person.disabled_at is None else None


def choose_password(
    session: Session, person: Staff, password: str, sealer: Sealer, hardness: Hardness = PASSWORD
) -> Enrolment:
    """Set the password and a new secret of the second factor; raises PeopleError."""
    if len(password) < SHORTEST_PASSWORD:
        raise PeopleError(f"A password has at least {SHORTEST_PASSWORD} characters; four words are good.")
    person.password = hash_password(password, hardness)
    secret = pyotp.random_base32()
    person.totp = sealer.seal(secret.encode(), f"totp:{person.id}")
    _end_sessions(session, person)
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=person.email, issuer_name=_ISSUER))


def enrolment(person: Staff, sealer: Sealer) -> Enrolment:
    """The secret that waits to be confirmed, to be shown again after a mistyped code."""
    secret = _secret(person, sealer)
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=person.email, issuer_name=_ISSUER))


def join(session: Session, person: Staff, code: str, sealer: Sealer, at: datetime) -> list[str] | None:
    """The first code of the app was right: the link is used up; gives the recovery codes, shown this once."""
    if person.totp is None or not _uses_code(person, code, sealer, at):
        return None
    codes = [f"{secrets.randbelow(10**10):010d}" for _ in range(RECOVERY_CODES)]
    person.recovery_codes = [_code_digest(person, one) for one in codes]
    person.joined_at = at
    session.execute(delete(Invitation).where(Invitation.staff_id == person.id))
    audit.record(session, at=at, actor=person.actor, action="staff_joined", subject=person.actor)
    return codes


# -- logging in


def log_in(
    session: Session, email: str, password: str, code: str, sealer: Sealer, at: datetime,
    hardness: Hardness = PASSWORD,
) -> str | None:  # fmt: skip
    """A session's token, or None. Tries are counted for this account alone; an unknown one costs the same work."""
    address = email.strip().lower()
    who = hashlib.sha256(b"log-in" + address.encode("utf-8", "replace")).digest()
    free = throttle.may_try(session, who, at)
    person = session.scalar(select(Staff).where(Staff.email == address).with_for_update())
    stored = person.password if person and person.password else _nobodys_hash(hardness)
    right = is_password(stored, password, hardness)
    if not (free and right and person and person.joined_at and person.disabled_at is None):
        _refused(session, person, at)
        return None
    if not (_uses_code(person, code, sealer, at) or _uses_recovery(person, code)):
        _refused(session, person, at)
        return None
    throttle.succeeded(session, who)
    token = secrets.token_urlsafe(32)
    session.add(StaffSession(token=token_digest(token), staff_id=person.id, created_at=at, seen_at=at))
    audit.record(session, at=at, actor=person.actor, action="logged_in", subject=person.actor)
    return token


def _refused(session: Session, person: Staff | None, at: datetime) -> None:
    # The address that was typed is not written down: people type passwords into that field.
    actor = person.actor if person else "nobody"
    audit.record(session, at=at, actor=actor, action="logged_in", subject=actor, outcome=audit.Outcome.DENIED)


_NOBODY: dict[Hardness, str] = {}


def _nobodys_hash(hardness: Hardness) -> str:
    if hardness not in _NOBODY:
        _NOBODY[hardness] = hash_password(secrets.token_urlsafe(16), hardness)
    return _NOBODY[hardness]


def _secret(person: Staff, sealer: Sealer) -> str:
    assert person.totp is not None  # the callers have looked
    return sealer.open(person.totp, f"totp:{person.id}").decode()


def _uses_code(person: Staff, code: str, sealer: Sealer, at: datetime) -> bool:
    """Is it a code of now, one step early or late, that was not used before? Then it is used."""
    digits = "".join(code.split())
    if person.totp is None or not (digits.isascii() and digits.isdigit()):
        return False
    clock = pyotp.TOTP(_secret(person, sealer))
    now = int(at.timestamp()) // _STEP_SECONDS
    for step in (now - 1, now, now + 1):
        if step > person.totp_last and secrets.compare_digest(clock.at(step * _STEP_SECONDS), digits):
            person.totp_last = step
            return True
    return False


def _uses_recovery(person: Staff, code: str) -> bool:
    digest = _code_digest(person, "".join(code.split()))
    if digest not in person.recovery_codes:
        return False
    person.recovery_codes = [one for one in person.recovery_codes if one != digest]
    return True


def _code_digest(person: Staff, code: str) -> str:
    return slow_digest(code, person.id.bytes)


# -- being in


def person_of(session: Session, token: str, at: datetime) -> Staff | None:
    """Who this session belongs to; one that idled or grew too old ends here."""
    found = session.get(StaffSession, token_digest(token))
    if found is None:
        return None
    person = session.get(Staff, found.staff_id)
    ended = at - found.seen_at > IDLE or at - found.created_at > LONGEST
    if ended or person is None or person.disabled_at is not None:
        session.delete(found)
        return None
    found.seen_at = at
    return person


def log_out(session: Session, token: str) -> None:
    session.execute(delete(StaffSession).where(StaffSession.token == token_digest(token)))


def disable(session: Session, person: Staff, actor: str, at: datetime) -> None:
    """Put somebody out, at once and everywhere."""
    person.disabled_at = at
    _end_sessions(session, person)
    session.execute(delete(Invitation).where(Invitation.staff_id == person.id))
    audit.record(session, at=at, actor=actor, action="staff_disabled", subject=person.actor)


def change_role(session: Session, person: Staff, role: str, actor: str, at: datetime) -> None:
    """Another role; raises PeopleError. Open sessions end, so that no page is read in the old one."""
    if role not in set(Role) or (Role(role) in OF_AN_ORGANIZATION) != (person.organization_id is not None):
        raise PeopleError("Case workers and leads belong to an organisation; the other roles belong to none.")
    person.role = role
    _end_sessions(session, person)
    audit.record(session, at=at, actor=actor, action="role_changed", subject=person.actor, details={"role": role})


def _end_sessions(session: Session, person: Staff) -> None:
    session.execute(delete(StaffSession).where(StaffSession.staff_id == person.id))


def sweep(session: Session, at: datetime) -> None:
    """Forget dead sessions and invitations."""
    session.execute(delete(StaffSession).where(StaffSession.created_at < at - LONGEST))
    session.execute(delete(StaffSession).where(StaffSession.seen_at < at - IDLE))
    session.execute(delete(Invitation).where(Invitation.expires_at < at))
