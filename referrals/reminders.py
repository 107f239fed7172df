"""Once a week those who keep the directory are told by e-mail how many services wait to be called."""

from collections.abc import Callable
from datetime import datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from referrals import audit
from referrals.db import writing
from referrals.directory.freshness import stale_services
from referrals.directory.hours import KAZAKHSTAN
from referrals.notices import Letter
from referrals.people import Staff
from referrals.permissions import Role
from referrals.wording import _, translate

_REMINDED = (Role.EDITOR, Role.REVIEWER)
_ACTION = "work_list_reminded"
_MORNING = time(9)
_SUBJECT = _("Janymda: services to verify this week")
_LINES = (_("So many services have to be called:"), _("The list:"))
# Accounts have no language of their own: the letter says it in both.
_LANGUAGES = ("kk", "ru")


def remind(
    sessions: Callable[[], Session], send: Callable[[Letter], None], console_url: str, at: datetime,
    failed: Callable[[Exception], None],
) -> int:  # fmt: skip
    """Write to everybody who was not written to since Monday morning; returns to how many.

    Each is noted by itself after the letter has left: a server that fails in between is asked again.
    """
    monday = _monday(at)
    if at < monday:
        return 0
    with sessions() as session:
        count = len(stale_services(session, at))
        people = _not_yet(session, monday) if count else []
    sent = 0
    for person in people:
        try:
            send(_letter(person, count, console_url, monday))
        except Exception as error:  # whatever a mail server does, the next person is written to
            failed(error)
            continue
        with writing(sessions) as session:
            audit.record(session, at=at, actor=audit.SYSTEM, action=_ACTION, subject=person.actor)
        sent += 1
    return sent


def _monday(at: datetime) -> datetime:
    """This week's Monday morning in Kazakhstan."""
    here = at.astimezone(KAZAKHSTAN)
    return datetime.combine(here.date() - timedelta(days=here.weekday()), _MORNING, tzinfo=KAZAKHSTAN)


def _not_yet(session: Session, monday: datetime) -> list[Staff]:
    told = set(
        session.scalars(
            select(audit.AuditEvent.subject).where(audit.AuditEvent.action == _ACTION, audit.AuditEvent.at >= monday)
        )
    )
    working = select(Staff).where(
        Staff.role.in_(_REMINDED), Staff.joined_at.is_not(None), Staff.disabled_at.is_(None)
    )  # fmt: skip
    return [person for person in session.scalars(working) if person.actor not in told]


def _letter(person: Staff, count: int, console_url: str, monday: datetime) -> Letter:
    words = []
    for language in _LANGUAGES:
        how_many, where = (translate(line, language) for line in _LINES)
        words += [f"{how_many} {count}", f"{where} {console_url}/directory/verify", ""]
    subject = " / ".join(translate(_SUBJECT, language) for language in _LANGUAGES)
    return Letter(f"verify{monday:%Y%m%d}", "mail", person.email, subject, "\n".join(words))
