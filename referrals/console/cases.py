"""The case desk: an organisation's own hand-overs, opened with its own key."""

import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case as sql_case
from sqlalchemy import func, select
from starlette.responses import Response

from referrals import audit, throttle
from referrals.cases import lifecycle, second
from referrals.cases.keys import make_key, open_key, recover_key
from referrals.cases.models import (
    Author,
    Case,
    Disposition,
    OrganizationKey,
    Referral,
    ReferralState,
    RejectReason,
    Urgency,
)
from referrals.console.visit import KEY_LIVES, NotThere, Page, Refusal, Visit, goto
from referrals.crypto import SealBroken, fingerprint, open_with, referral_purpose, token_digest
from referrals.directory.models import Organization
from referrals.people import Staff
from referrals.permissions import Permission
from referrals.wording import _

WORDS = (
    _("waiting"), _("in_progress"), _("accepted"), _("rejected"), _("done"), _("revoked"), _("no_answer"),
    _("handed_on"), _("One question is open already. Withdraw it first."),
    _("There is no open question. The child may have answered just now."),
)  # fmt: skip
# More than so many hand-overs read in an hour by one person is not work any more.
MOST_READ, READ_WINDOW = 20, timedelta(hours=1)
PHRASES = (
    _("We have read what you wrote. Thank you for telling us."),
    _("We believe you. It is not your fault."),
    _("Is it safe for you to talk now? Yes or no is enough."),
    _("May we call you? Tell us when it is safe, or say no."),
    _("Would you like somebody to be with you when you go there?"),
    _("If it becomes dangerous, call 102 or 112 at once."),
)
_URGENCIES = {Urgency.NOW: 0, Urgency.HIGH: 1, Urgency.MEDIUM: 2, Urgency.LOW: 3}
_LISTED = 200


def mine(visit: Visit) -> UUID:
    """The visitor's organisation; case workers and leads have one."""
    assert visit.staff.organization_id is not None  # people.invite has seen to it
    return visit.staff.organization_id


def show_inbox(visit: Visit) -> Response:
    """What the organisation has, the most urgent and the soonest due first; nothing of what is inside."""
    ended = visit.request.query_params.get("ended") == "1"
    readable = Referral.state.in_([state.value for state in lifecycle.READABLE])
    urgency = sql_case({key.value: rank for key, rank in _URGENCIES.items()}, value=Case.urgency, else_=9)
    query = (
        select(Referral)
        .join(Case)
        .where(Referral.organization_id == mine(visit), Referral.sent_at.is_not(None))
        .where(~readable if ended else readable)
        .order_by(urgency, Referral.due_at.is_(None), Referral.due_at, Referral.sent_at)
        .limit(_LISTED)
    )
    names = {person.id: person.name for person in visit.session.scalars(
        select(Staff).where(Staff.organization_id == mine(visit))
    )}  # fmt: skip
    return visit.page(
        "inbox.html", referrals=list(visit.session.scalars(query)), names=names, ended=ended, now=visit.at,
        has_key=_key(visit) is not None,
    )  # fmt: skip


def own_referral(visit: Visit) -> Referral:
    """The hand-over of this number, if it is the organisation's; another's is as absent as none."""
    found = visit.session.scalars(
        select(Referral)
        .join(Case)
        .where(
            Case.number == visit.request.path_params["number"][:20],
            Referral.organization_id == mine(visit),
            # What waits for the child's yes, or never came to be asked, is not there.
            Referral.sent_at.is_not(None),
        )
    ).first()
    if found is None:
        raise NotThere
    visit.subject = f"case:{found.case.number}"
    return found


def show_case(visit: Visit) -> Response:
    return _page(visit, own_referral(visit))


def _page(visit: Visit, referral: Referral, problem: str = "", status: int = 200) -> Response:
    content = open_content(visit, referral)
    colleagues = visit.session.scalars(
        select(Staff).where(Staff.organization_id == mine(visit), Staff.disabled_at.is_(None)).order_by(Staff.name)
    )
    return visit.page(
        "case.html", status, referral=referral, case=referral.case, content=content, problem=problem,
        readable=referral.sealed is not None, colleagues=list(colleagues), phrases=PHRASES,
        reasons=[reason for reason in RejectReason if reason is not RejectReason.NO_ANSWER],
        dispositions=[Disposition.HELPED, Disposition.ADVISED, Disposition.HANDED_ON],
        next_choice=any(r.state == ReferralState.WAITING for r in referral.case.referrals),
        came_from=_came_from(visit, referral), mine=second.own_right(referral, visit.staff),
        assignee=visit.session.get(Staff, referral.assigned_to) if referral.assigned_to else None,
        **_looks(visit, referral),
    )  # fmt: skip


def _looks(visit: Visit, referral: Referral) -> dict[str, Any]:
    """A look that was granted, or asked for; whose it is needs none."""
    if second.own_right(referral, visit.staff):
        return {"look": None, "asked": None}
    return {
        "look": second.look_of(visit.session, referral, visit.staff, visit.at),
        "asked": second.asked_by(visit.session, referral, visit.staff, visit.at),
    }


def _came_from(visit: Visit, referral: Referral) -> Organization | None:
    """Who handed it on, if somebody did."""
    before = visit.session.get(Referral, referral.asked_by) if referral.asked_by else None
    return visit.session.get(Organization, before.organization_id) if before else None


def open_content(visit: Visit, referral: Referral) -> dict[str, Any] | None:
    """What the child handed over, and the words since; None while the key is not opened, or for whom it is not.

    Each opening is recorded, and too many are stopped.
    """
    private = visit.keys().get(referral.key_id)
    if private is None or referral.sealed is None or not _may_read(visit, referral):
        return None
    _slow_down(visit)
    case = referral.case
    try:
        purpose = referral_purpose(case.id, referral.organization_id)
        opened: dict[str, Any] = json.loads(open_with(private, referral.sealed, purpose))
        opened["messages"] = [
            {
                "author": Author(message.author).value,
                "at": message.at,
                "text": open_with(
                    private, message.to_organization, lifecycle.message_purpose(case, referral)
                ).decode(),
            }
            for message in case.messages
            if message.organization_id == referral.organization_id
        ]  # fmt: skip
    except SealBroken:
        raise Refusal(
            _("This hand-over does not open with your key: it was altered or swapped. An alarm was raised."),
            500, alarm="seal_broken",
        ) from None  # fmt: skip
    visit.details["opened"] = "yes"
    return opened


def _may_read(visit: Visit, referral: Referral) -> bool:
    """Need to know: whose it is, the lead, and for half an hour whom a second person has let look."""
    if second.own_right(referral, visit.staff):
        return True
    look = second.look_of(visit.session, referral, visit.staff, visit.at)
    visit.details["look"] = str(look.id) if look else "refused"
    return look is not None


def only_own(visit: Visit, referral: Referral) -> None:
    """Steps are for whose it is; a look is for looking. Raises Refusal."""
    if not second.own_right(referral, visit.staff):
        raise Refusal(_("This hand-over is assigned to somebody else."), 403)


def _slow_down(visit: Visit) -> None:
    query = select(func.count(func.distinct(audit.AuditEvent.subject))).where(
        audit.AuditEvent.actor == visit.staff.actor,
        audit.AuditEvent.action == "case_read",
        audit.AuditEvent.subject != visit.subject,
        audit.AuditEvent.outcome == audit.Outcome.DONE,
        audit.AuditEvent.at > visit.at - READ_WINDOW,
    )
    if (visit.session.scalar(query) or 0) >= MOST_READ:
        raise Refusal(
            _("You have opened more than 20 hand-overs within an hour. Go on later; your lead sees this."),
            429,
            alarm="many_reads",
        )


def act(visit: Visit) -> Response:
    """One step with a hand-over."""
    referral, do, choice = own_referral(visit), visit.text("do"), visit.text("choice")
    only_own(visit, referral)
    actor, at, session = visit.staff.actor, visit.at, visit.session
    visit.details["do"] = do[:20]
    if do == "accept":
        lifecycle.accept(session, referral, actor, at)
        referral.assigned_to = referral.assigned_to or visit.staff.id
    elif do == "reject":
        lifecycle.reject(session, referral, _one_of(RejectReason, choice), actor, at)
    elif do == "close":
        lifecycle.close(session, referral, _one_of(Disposition, choice), actor, at)
    elif do == "answer":
        lifecycle.answer(session, referral, visit.text("text"), actor, at)
    elif do == "note":
        lifecycle.note(session, referral, visit.text("text"), actor, at)
    elif do == "assign":
        _assign(visit, referral)
    else:
        raise Refusal(_("There is no such step."))
    return goto("/cases" if do in ("reject", "close") else f"/cases/{referral.case.number}")


def _one_of(kind: Any, choice: str) -> Any:
    try:
        return kind(choice)
    except ValueError:
        raise Refusal(_("Choose from the list.")) from None


def _assign(visit: Visit, referral: Referral) -> None:
    person = visit.session.get(Staff, visit.chosen("choice") or visit.staff.id)
    if person is None or person.organization_id != mine(visit) or person.disabled_at is not None:
        raise Refusal(_("Choose from the list."))
    referral.assigned_to = person.id


# -- the key


def _key(visit: Visit) -> OrganizationKey | None:
    return visit.session.scalars(
        select(OrganizationKey).where(
            OrganizationKey.organization_id == mine(visit), OrganizationKey.retired_at.is_(None)
        )
    ).first()


def unlock(visit: Visit) -> Response:
    """The passphrase opens the organisation's keys for this session, in memory and for half an hour."""
    who = hashlib.sha256(b"passphrase" + mine(visit).bytes + visit.staff.id.bytes).digest()
    back = visit.text("back")
    if not throttle.may_try(visit.session, who, visit.at):
        visit.outcome = audit.Outcome.DENIED
        return visit.page(
            "refused.html", 429, problem=_("Too many wrong tries. Wait a few minutes; it takes longer each time.")
        )
    keys = visit.session.scalars(select(OrganizationKey).where(OrganizationKey.organization_id == mine(visit)))
    passphrase, opened = str(visit.form.get("passphrase", "")), 0
    for key in keys:
        try:
            private = open_key(key, passphrase, visit.house.passphrase)
        except SealBroken:
            continue
        visit.house.opened[token_digest(visit.token), key.id] = (private, visit.at + KEY_LIVES)
        opened += 1
    if not opened:
        visit.outcome = audit.Outcome.DENIED
        return visit.page("refused.html", 403, problem=_("It did not open. Check the passphrase."))
    throttle.succeeded(visit.session, who)
    return goto(f"/cases/{back}" if back.replace("-", "").isalnum() and back.isascii() else "/cases")


def show_key(visit: Visit) -> Response:
    key = _key(visit)
    return visit.page("key.html", fingerprint=fingerprint(key.public_key) if key else "", made=None)


def change_key(visit: Visit) -> Response:
    """A lead makes the organisation's key, or sets a new passphrase with the code from the paper."""
    passphrase = str(visit.form.get("passphrase", ""))
    if passphrase != visit.form.get("again"):
        raise Refusal(_("The two passphrases are not the same."))
    key = _key(visit)
    if visit.text("do") == "recover":
        return _recover(visit, key, passphrase)
    if key is not None and visit.text("sure") != "on":
        raise Refusal(_("There is a key. Tick that you want a new one: what is sealed to the old stays with the old."))
    made = make_key(
        visit.session, mine(visit), passphrase, visit.staff.actor, visit.at, visit.house.passphrase
    )  # fmt: skip
    return visit.page("key.html", fingerprint=made.fingerprint, made=made)


def _recover(visit: Visit, key: OrganizationKey | None, passphrase: str) -> Response:
    if key is None:
        raise Refusal(_("There is no key yet."))
    try:
        recover_key(key, visit.text("code"), passphrase, visit.house.passphrase)
    except SealBroken:
        raise Refusal(_("This is not the code from the paper."), 403) from None
    return goto("/key")


# -- numbers for coordinators, without content


def show_overview(visit: Visit) -> Response:
    """How many hand-overs wait, by organisation: for whoever sees to it that somebody answers."""
    rows = visit.session.execute(
        select(
            Organization, Referral.state, func.count(), func.min(Referral.due_at),
            func.count(Referral.escalated_at),
        )
        .join(Referral, Referral.organization_id == Organization.id)
        .where(Referral.state.in_([state.value for state in lifecycle.READABLE]))
        .group_by(Organization.id, Referral.state)
    ).all()  # fmt: skip
    return visit.page("overview.html", rows=rows, now=visit.at)


_P = Permission
PAGES = (
    Page("GET", "/cases", "cases_listed", _P.CASES, show_inbox),
    Page("POST", "/cases/unlock", "key_opened", _P.CASES, unlock),
    Page("GET", "/cases/{number}", "case_read", _P.CASES, show_case),
    Page("POST", "/cases/{number}", "case_step", _P.CASES, act),
    Page("GET", "/key", "key_page", _P.KEY, show_key),
    Page("POST", "/key", "key_changed", _P.KEY, change_key),
    Page("GET", "/overview", "overview_read", _P.CASES_OVERVIEW, show_overview),
)
