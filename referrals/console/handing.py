"""Handing a hand-over on to another organisation: the worker asks, the child decides in the chat."""

from sqlalchemy import select
from starlette.responses import Response

from referrals.cases import handing, lifecycle, second
from referrals.cases.models import CHILD_REFUSED, ContactMode, Referral, ReferralState
from referrals.cases.routing import Choice, Need
from referrals.console.cases import mine, only_own, open_content, own_referral
from referrals.console.visit import NotThere, Page, Refusal, Visit, goto
from referrals.directory.models import Service
from referrals.people import Staff
from referrals.permissions import Permission
from referrals.wording import _

Content = dict[str, object]
# An age that stands for a band, when services are looked up.
_LISTED = 100
_AGES = {"7-10": 9, "11-13": 12, "14-17": 16}


def _held(visit: Visit) -> Referral:
    """A hand-over that the organisation has now; raises NotThere."""
    referral = own_referral(visit)
    if ReferralState(referral.state) not in lifecycle.READABLE:
        raise NotThere
    only_own(visit, referral)
    return referral


def _choices(
    visit: Visit, referral: Referral, content: Content, *, despite_no: bool = False
) -> list[tuple[Choice, bool]]:
    """Whom the child can be asked about; what it excluded stands inside, so the key is needed to know."""
    excluded = content["excluded"]
    assert isinstance(excluded, list)  # intake wrote it so
    case = referral.case
    need = Need(case.concern, case.region, _AGES.get(case.age_band or ""), case.language, excluded=tuple(excluded))
    return handing.candidates(visit.session, visit.house.pins(), referral, need, visit.at, despite_no=despite_no)


def show(visit: Visit) -> Response:
    """Whom it can go to, or whom the child is asked about and what it has answered."""
    referral = _held(visit)
    content, pending = open_content(visit, referral), handing.pending_of(referral.case)
    refused = [r for r in referral.case.referrals if r.reason == CHILD_REFUSED]
    named = refused if pending is None else [*refused, pending]
    return visit.page(
        "hand_on.html", case=referral.case, opened=content is not None, pending=pending,
        choices=_choices(visit, referral, content) if content and pending is None else [],
        in_danger=_choices(visit, referral, content, despite_no=True) if content and pending is None else [],
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
        content, choice = _chosen(visit, referral)
        handing.ask(visit.session, referral, choice, copy_of(content), visit.staff.actor, visit.at)
    elif do == "propose":
        _propose(visit, referral)
    else:
        raise Refusal(_("There is no such step."))
    return goto(f"/cases/{referral.case.number}/hand-on")


def _chosen(visit: Visit, referral: Referral, *, despite_no: bool = False) -> tuple[Content, Choice]:
    """What was opened, and the service chosen for it; raises Refusal."""
    content, service = open_content(visit, referral), visit.chosen("service")
    if content is None:
        raise Refusal(_("Open it with the passphrase first."), 403)
    found = _choices(visit, referral, content, despite_no=despite_no)
    choice = next((choice for choice, _fits in found if choice.service_id == service), None)
    if choice is None:
        raise Refusal(_("Choose from the list."))
    return content, choice


def _propose(visit: Visit, referral: Referral) -> None:
    """A life is in danger: a lead has to agree before anything leaves."""
    content, choice = _chosen(visit, referral, despite_no=True)
    if visit.text("danger") != "on":
        raise Refusal(_("Without the child's yes only when a life is in danger. Tick it if that is so."))
    # From now on it has somebody: given to another person, the proposal is void.
    referral.assigned_to = referral.assigned_to or visit.staff.id
    reason = visit.text("reason")
    second.propose(visit.session, referral, visit.staff, choice, copy_of(content), reason, visit.at)


def copy_of(content: Content) -> bytes:
    """What goes along, from what was opened."""
    messages = content["messages"]
    assert isinstance(messages, list)  # open_content made it so
    return handing.content_for_next(content, [m["text"] for m in messages if m["author"] == "child"])


# -- what needs a second person


def ask_look(visit: Visit) -> Response:
    """Ask for a look into a colleague's hand-over."""
    referral = own_referral(visit)
    second.ask_look(visit.session, referral, visit.staff, visit.text("reason"), visit.at)
    return goto(f"/cases/{referral.case.number}")


def list_requests(visit: Visit) -> Response:
    """What waits for a second person in the visitor's organisation; for leads also what was decided."""
    session, organization = visit.session, mine(visit)
    waiting = second.waiting(session, organization, visit.at)
    decided = second.over(session, organization, visit.at, _LISTED) if visit.may("override") else []
    people = {p.id: p.name for p in session.scalars(select(Staff).where(Staff.organization_id == organization))}
    targets = {
        r.id: session.get_one(Service, r.target.service_id).name for r in (*waiting, *decided) if r.target is not None
    }
    return visit.page(
        "second.html", waiting=waiting, decided=decided, people=people, targets=targets,
        may_decide={r.id: second.may_decide(r, visit.staff) for r in waiting},
    )  # fmt: skip


def decide(visit: Visit) -> Response:
    """The second person's yes or no."""
    request = second.find(visit.session, visit.identity(), mine(visit))
    if request is None:
        raise NotThere
    visit.subject, visit.details["do"] = f"case:{request.referral.case.number}", visit.text("do")[:20]
    if visit.text("do") not in ("agree", "refuse"):
        raise Refusal(_("There is no such step."))
    second.decide(visit.session, request, visit.staff, visit.text("do") == "agree", visit.at)
    return goto("/second")


_P = Permission
PAGES = (
    Page("POST", "/cases/{number}/look", "look_step", _P.CASES, ask_look),
    Page("GET", "/second", "requests_listed", _P.CASES, list_requests),
    Page("POST", "/second/{id}", "request_decided", _P.CASES, decide),
    Page("GET", "/cases/{number}/hand-on", "hand_on_page", _P.CASES, show),
    Page("POST", "/cases/{number}/hand-on", "hand_on_step", _P.CASES, act),
)
