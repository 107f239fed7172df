"""Handing a hand-over on to another organisation: the worker asks, the child decides in the chat."""

from starlette.responses import Response

from referrals.cases import handing, lifecycle
from referrals.cases.models import CHILD_REFUSED, ContactMode, Referral, ReferralState
from referrals.cases.routing import Choice, Need
from referrals.console.cases import open_content, own_referral
from referrals.console.visit import NotThere, Page, Refusal, Visit, goto
from referrals.directory.models import Service
from referrals.permissions import Permission
from referrals.wording import _

Content = dict[str, object]
# An age that stands for a band, when services are looked up.
_AGES = {"7-10": 9, "11-13": 12, "14-17": 16}


def _held(visit: Visit) -> Referral:
    """A hand-over that the organisation has now; raises NotThere."""
    referral = own_referral(visit)
    if ReferralState(referral.state) not in lifecycle.READABLE:
        raise NotThere
    return referral


def _choices(visit: Visit, referral: Referral, content: Content) -> list[tuple[Choice, bool]]:
    """Whom the child can be asked about; what it excluded stands inside, so the key is needed to know."""
    excluded = content["excluded"]
    assert isinstance(excluded, list)  # intake wrote it so
    case = referral.case
    need = Need(case.concern, case.region, _AGES.get(case.age_band or ""), case.language, excluded=tuple(excluded))
    return handing.candidates(visit.session, visit.house.pins(), referral, need, visit.at)


def show(visit: Visit) -> Response:
    """Whom it can go to, or whom the child is asked about and what it has answered."""
    referral = _held(visit)
    content, pending = open_content(visit, referral), handing.pending_of(referral.case)
    refused = [r for r in referral.case.referrals if r.reason == CHILD_REFUSED]
    named = refused if pending is None else [*refused, pending]
    return visit.page(
        "hand_on.html", case=referral.case, opened=content is not None, pending=pending,
        choices=_choices(visit, referral, content) if content and pending is None else [],
        names={r.id: visit.session.get_one(Service, r.service_id).name for r in named},
        refused=refused, told=referral.case.contact_mode == ContactMode.HERE and referral.case.relay is not None,
    )  # fmt: skip


def act(visit: Visit) -> Response:
    """Ask, or withdraw what was asked."""
    referral, do = _held(visit), visit.text("do")
    visit.details["do"] = do[:20]
    if do == "withdraw":
        handing.withdraw(visit.session, referral, visit.staff.actor, visit.at)
    elif do == "ask":
        _ask(visit, referral)
    else:
        raise Refusal(_("There is no such step."))
    return goto(f"/cases/{referral.case.number}/hand-on")


def _ask(visit: Visit, referral: Referral) -> None:
    content, service = open_content(visit, referral), visit.chosen("service")
    if content is None:
        raise Refusal(_("Open it with the passphrase first."), 403)
    choice = next((c for c, _fits in _choices(visit, referral, content) if c.service_id == service), None)
    if choice is None:
        raise Refusal(_("Choose from the list."))
    handing.ask(visit.session, referral, choice, copy_of(content), visit.staff.actor, visit.at)


def copy_of(content: Content) -> bytes:
    """What goes along, from what was opened."""
    messages = content["messages"]
    assert isinstance(messages, list)  # open_content made it so
    return handing.content_for_next(content, [m["text"] for m in messages if m["author"] == "child"])


_P = Permission
PAGES = (
    Page("GET", "/cases/{number}/hand-on", "hand_on_page", _P.CASES, show),
    Page("POST", "/cases/{number}/hand-on", "hand_on_step", _P.CASES, act),
)
