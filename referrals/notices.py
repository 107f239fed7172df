"""Notices to organisations: that something waits, and nothing of what it is. By e-mail or Telegram."""

import logging
import secrets
import smtplib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formataddr, make_msgid

from sqlalchemy import false, or_, select
from sqlalchemy.orm import Session

from referrals.cases.models import AnswerLink, Case, Notice, NoticeAddress, Referral
from referrals.crypto import token_digest
from referrals.db import writing
from referrals.people import Staff
from referrals.settings import MailSettings
from referrals.wording import _, translate

LINK_KEPT = timedelta(hours=72)
MOST_ATTEMPTS = 12
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=1)
_LEASE = timedelta(minutes=2)

_SUBJECTS = {
    "new_handover": _("Janymda: a new hand-over waits"),
    "child_wrote": _("Janymda: new words wait in a hand-over"),
    "overdue": _("Janymda: a hand-over is overdue"),
    "unanswered": _("Janymda: a hand-over has nobody else to go to"),
    "revoked": _("Janymda: a hand-over was taken back"),
    "check_safely": _("Janymda: please check by a safe way"),
    "child_decided": _("Janymda: the child has answered your question"),
    "look_asked": _("Janymda: somebody asks to open a colleague's hand-over"),
    "look_granted": _("Janymda: a colleague's hand-over was opened to somebody"),
    "override_asked": _("Janymda: a life may be in danger, a lead has to decide"),
    "override_done": _("Janymda: a hand-over went on without the child's yes"),
}
# A link that opens nothing any more is of no use.
_READ_BY_LINK = ("new_handover", "child_wrote", "overdue")
_CHECK_SAFELY = _(
    "Somebody asked from the child's chat to take it back. It may not have been the child. "
    "Do not write there before you know."
)


@dataclass(frozen=True)
class Letter:
    """A notice in words; `name` is the same when the same one leaves again."""

    name: str
    channel: str
    address: str
    subject: str
    text: str


SendLetter = Callable[[Letter], Awaitable[None]]


async def deliver_due(
    sessions: Callable[[], Session],
    send: dict[str, SendLetter],
    console_url: str,
    at: datetime,
    failed: Callable[[Exception], None],
) -> int:
    """Send what is due by the channels there are; a failure is tried again, later and later.

    A letter is leased before it leaves, so that two processes do not send the same one; one that
    was sent and not written down leaves again, under the same Message-ID.
    """
    count = 0
    for notice_id in _due(sessions, at, tuple(send)):
        letter = _lease(sessions, notice_id, console_url, at)
        if letter is None:
            continue
        try:
            await send[letter.channel](letter)
        except Exception as error:  # whatever a mail server does, the next notice is not held up
            failed(error)
            continue
        with writing(sessions) as session:
            session.get_one(Notice, notice_id).sent_at = at
        count += 1
    return count


def _due(sessions: Callable[[], Session], at: datetime, channels: tuple[str, ...]) -> list[int]:
    with sessions() as session:
        return list(
            session.scalars(
                select(Notice.id)
                .outerjoin(NoticeAddress, NoticeAddress.id == Notice.address_id)
                .where(
                    Notice.sent_at.is_(None),
                    Notice.next_at <= at,
                    Notice.attempts < MOST_ATTEMPTS,
                    or_(
                        NoticeAddress.channel.in_(channels),
                        Notice.staff_id.is_not(None) if "mail" in channels else false(),
                    ),
                )
                .order_by(Notice.id)
            )
        )


def _lease(sessions: Callable[[], Session], notice_id: int, console_url: str, at: datetime) -> Letter | None:
    with writing(sessions) as session:
        notice = session.get(Notice, notice_id, with_for_update=True)
        if notice is None or notice.sent_at is not None or notice.next_at > at:
            return None
        notice.attempts += 1
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(notice.attempts, 8))
        notice.next_at = at + max(wait, _LEASE)
        case = session.get_one(Case, notice.case_id)
        if notice.staff_id is not None:
            person = session.get(Staff, notice.staff_id)
            if person is None or person.disabled_at is not None:
                notice.sent_at = at
                return None
            # Accounts have no language of their own.
            return _letter(notice, "mail", person.email, ("kk", "ru"), case.number, f"{console_url}/second")
        address = session.get_one(NoticeAddress, notice.address_id)
        link = None
        referral = session.get(Referral, notice.referral_id) if notice.referral_id else None
        # What is assigned to a person opens with that person's account only.
        if address.by_link and referral and referral.assigned_to is None and notice.kind in _READ_BY_LINK:
            link = _new_link(session, referral, console_url, at)
        return _letter(
            notice, address.channel, address.address, (address.language,), case.number, link or console_url
        )  # fmt: skip


def _new_link(session: Session, referral: Referral, console_url: str, at: datetime) -> str:
    token = secrets.token_urlsafe(32)
    session.add(AnswerLink(token=token_digest(token), referral_id=referral.id, expires_at=at + LINK_KEPT))
    return f"{console_url}/answer/{token}"


def _letter(
    notice: Notice, channel: str, address: str, languages: Sequence[str], number: str, where: str
) -> Letter:  # fmt: skip
    subject = " / ".join(translate(_SUBJECTS[notice.kind], language) for language in languages)
    lines = [f"{subject}: {number}", ""]
    for language in languages:
        if notice.kind == "check_safely":
            lines += [translate(_CHECK_SAFELY, language), ""]
        lines += [translate(_("It is read and answered here:"), language), where, ""]
    return Letter(f"notice{notice.id}", channel, address, f"{subject}: {number}", "\n".join(lines).rstrip())


# -- e-mail


def send_mail(settings: MailSettings, letter: Letter) -> None:
    """One letter over SMTP; raises smtplib.SMTPException or OSError."""
    logging.getLogger("smtplib").setLevel(logging.CRITICAL)
    message = EmailMessage()
    message["From"] = formataddr(("Janymda", settings.sender))
    message["To"] = letter.address
    message["Subject"] = letter.subject
    message["Message-ID"] = make_msgid(idstring=letter.name, domain=settings.sender.split("@")[-1])
    # Nobody's automatic "I am out of the office" should come back.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    with smtplib.SMTP(settings.host, settings.port, timeout=20) as server:
        if settings.tls:
            server.starttls(context=ssl.create_default_context())
        if settings.user and settings.password:
            server.login(settings.user, settings.password)
        server.send_message(message)
