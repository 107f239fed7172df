"""Coming in and going out: invitation, log-in, the code of conduct, the language of the pages."""

import segno
from starlette.responses import Response

from referrals import people
from referrals.console.records import organizations, staff_of
from referrals.console.visit import COOKIE, Door, NotThere, Page, Visit, goto
from referrals.console.web import LANGUAGE_COOKIE
from referrals.crypto import token_digest
from referrals.permissions import Permission, Role
from referrals.wording import LANGUAGES, _

ROLES = (
    _("editor"), _("reviewer"), _("case_worker"), _("lead"), _("coordinator"), _("auditor"), _("administrator"),
)  # fmt: skip
# Where each role begins its day.
_HOME = {
    Role.CASE_WORKER: "/cases",
    Role.LEAD: "/cases",
    Role.COORDINATOR: "/overview",
    Role.AUDITOR: "/audit",
    Role.ADMINISTRATOR: "/staff",
}
_LANGUAGE_SECONDS = 365 * 24 * 3600


def home(visit: Visit) -> Response:
    if visit.person is None:
        return goto("/login")
    return goto(_HOME.get(Role(visit.person.role), "/directory"))


def show_login(visit: Visit) -> Response:
    return visit.page("login.html", wrong=False) if visit.person is None else home(visit)


def log_in(visit: Visit) -> Response:
    """Address, password and code in one form: which of them was wrong is not said."""
    token = people.log_in(
        visit.session, visit.text("email"), str(visit.form.get("password", "")), visit.text("code"),
        visit.house.sealer, visit.at, visit.house.password,
    )  # fmt: skip
    if token is None:
        return visit.page("login.html", 403, wrong=True)
    answer = goto("/")
    answer.set_cookie(
        COOKIE, token, max_age=int(people.LONGEST.total_seconds()), httponly=True, secure=visit.house.secure,
        samesite="strict", path="/",
    )  # fmt: skip
    return answer


def log_out(visit: Visit) -> Response:
    """The session ends here and in the database; keys that it had opened are forgotten."""
    forget_keys(visit)
    people.log_out(visit.session, visit.token)
    answer = goto("/login")
    answer.delete_cookie(COOKIE, path="/")
    return answer


def forget_keys(visit: Visit) -> None:
    mine = token_digest(visit.token)
    for name in [name for name in visit.house.opened if name[0] == mine]:
        del visit.house.opened[name]


# -- the one-time link


def _invited(visit: Visit) -> people.Staff:
    person = people.invited(visit.session, visit.request.path_params["token"], visit.at)
    if person is None:
        raise NotThere
    return person


def show_invitation(visit: Visit) -> Response:
    return visit.page("invitation.html", name=_invited(visit).name, problem="", enrolment=None, picture="")


def accept_invitation(visit: Visit) -> Response:
    """First the password, then the first code of the app; after that the link is used up."""
    person = _invited(visit)
    if visit.form.get("code") is not None:
        return _confirm(visit, person)
    password = str(visit.form.get("password", ""))
    if password != visit.form.get("again"):
        return visit.page(
            "invitation.html", 400, name=person.name, enrolment=None, picture="",
            problem=_("The two passwords are not the same."),
        )  # fmt: skip
    enrolment = people.choose_password(visit.session, person, password, visit.house.sealer, visit.house.password)
    return _show_code(visit, person, enrolment)


def _show_code(visit: Visit, person: people.Staff, enrolment: people.Enrolment, problem: str = "") -> Response:
    picture = segno.make(enrolment.uri, error="m").svg_inline(scale=4, omitsize=False)
    return visit.page(
        "invitation.html", 400 if problem else 200, name=person.name, enrolment=enrolment, picture=picture,
        problem=problem,
    )  # fmt: skip


def _confirm(visit: Visit, person: people.Staff) -> Response:
    if person.totp is None:
        raise NotThere
    codes = people.join(visit.session, person, visit.text("code"), visit.house.sealer, visit.at)
    if codes is None:
        problem = _("This is not the code that the app shows now. Wait for the next one and type that.")
        return _show_code(visit, person, people.enrolment(person, visit.house.sealer), problem)
    return visit.page("joined.html", codes=codes)


# -- the code of conduct, the language


def show_conduct(visit: Visit) -> Response:
    return visit.page("conduct.html")


def accept_conduct(visit: Visit) -> Response:
    visit.staff.conduct_at = visit.staff.conduct_at or visit.at
    return goto("/")


def choose_language(visit: Visit) -> Response:
    """The language of the pages, kept in the browser."""
    chosen = visit.text("language")
    answer = goto(_own_path(visit.text("back")))
    if chosen in LANGUAGES:
        answer.set_cookie(
            LANGUAGE_COOKIE, chosen, max_age=_LANGUAGE_SECONDS, httponly=True, secure=visit.house.secure,
            samesite="strict", path="/",
        )  # fmt: skip
    return answer


def _own_path(path: str) -> str:
    """A path of this console, whatever was sent: no browser is led elsewhere from here."""
    fine = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isascii() and path.isprintable()
    return path if fine else "/"


# -- the staff themselves


def list_staff(visit: Visit) -> Response:
    """Who there is: everybody for an administrator, one's own organisation for a lead."""
    mine = visit.staff.organization_id
    everybody = visit.may("staff")
    roles = list(Role) if everybody else [Role.CASE_WORKER, Role.LEAD]
    return visit.page(
        "staff.html", people=staff_of(visit.session, None if everybody else mine), roles=roles, link="",
        organizations=organizations(visit.session) if everybody else [],
    )  # fmt: skip


def invite(visit: Visit) -> Response:
    """A new person, or a new link for one who has lost the password or the telephone."""
    everybody = visit.may("staff")
    organization = visit.chosen("organization") if everybody else visit.staff.organization_id
    token = people.invite(
        visit.session, name=visit.text("name"), email=visit.text("email"), role=visit.text("role"),
        organization_id=organization, actor=visit.staff.actor, at=visit.at,
    )  # fmt: skip
    return visit.page("invited.html", link=_link(visit, token))


def _link(visit: Visit, token: str) -> str:
    return str(visit.request.url.replace(path=f"/invitation/{token}", query=""))


def _subject_person(visit: Visit) -> people.Staff:
    """The person in the path, if the visitor may touch that account."""
    person = visit.session.get(people.Staff, visit.identity())
    if person is None or not (visit.may("staff") or person.organization_id == visit.staff.organization_id):
        raise NotThere
    visit.subject = person.actor
    return person


def change_staff(visit: Visit) -> Response:
    """Put out, let in again by a new link, or give another role."""
    person, do = _subject_person(visit), visit.text("do")
    visit.details["do"] = do[:20]
    if person.id == visit.staff.id:
        raise people.PeopleError("Nobody changes their own account; ask another administrator.")
    if do == "disable":
        people.disable(visit.session, person, visit.staff.actor, visit.at)
    elif do == "link":
        person.disabled_at = None
        return visit.page("invited.html", link=_link(visit, people.new_invitation(visit.session, person, visit.at)))
    elif do == "role":
        people.change_role(visit.session, person, visit.text("role"), visit.staff.actor, visit.at)
    else:
        raise people.PeopleError("There is no such step.")
    return goto("/staff" if visit.may("staff") else "/colleagues")


PAGES = (
    Page("GET", "/", "home", Door.OPEN, home),
    Page("GET", "/login", "login_page", Door.OPEN, show_login),
    Page("POST", "/login", "login", Door.OPEN, log_in),
    Page("POST", "/logout", "logged_out", Door.SIGNED_IN, log_out),
    Page("GET", "/invitation/{token}", "invitation_page", Door.OPEN, show_invitation),
    Page("POST", "/invitation/{token}", "invitation", Door.OPEN, accept_invitation),
    Page("GET", "/conduct", "conduct_page", Door.SIGNED_IN, show_conduct),
    Page("POST", "/conduct", "conduct_accepted", Door.SIGNED_IN, accept_conduct),
    Page("POST", "/language", "language", Door.OPEN, choose_language),
    Page("GET", "/staff", "staff_listed", Permission.STAFF, list_staff),
    Page("POST", "/staff", "staff_invite", Permission.STAFF, invite),
    Page("POST", "/staff/{id}", "staff_changed", Permission.STAFF, change_staff),
    Page("GET", "/colleagues", "colleagues_listed", Permission.STAFF_OF_OWN, list_staff),
    Page("POST", "/colleagues", "colleague_invite", Permission.STAFF_OF_OWN, invite),
    Page("POST", "/colleagues/{id}", "colleague_changed", Permission.STAFF_OF_OWN, change_staff),
)
