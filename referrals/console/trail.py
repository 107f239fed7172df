"""The audit trail for its reader: who did what, in words and with names, and whether the chain holds."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from starlette.responses import Response

from referrals import audit
from referrals.audit import AuditEvent
from referrals.console.records import events
from referrals.console.visit import Page, Visit
from referrals.directory.models import Organization, Service
from referrals.people import Staff
from referrals.permissions import Permission
from referrals.wording import _

# What may stand in the trail: pages that were asked for, and what was done to a record.
ACTIONS = (
    _("alarm"), _("audit_read"), _("case_erased"), _("case_opened"), _("case_read"), _("case_step"),
    _("cases_listed"), _("child_answered"), _("child_decided"), _("colleague_changed"), _("colleague_invite"),
    _("colleagues_listed"), _("conduct_accepted"), _("conduct_page"), _("coverage_read"), _("directory_exported"),
    _("directory_imported"), _("directory_listed"), _("hand_on_asked"), _("hand_on_expired"), _("hand_on_failed"),
    _("hand_on_page"), _("hand_on_step"), _("hand_on_withdrawn"), _("handover_revoked"), _("handover_sent"),
    _("home"), _("import_form"), _("invitation"), _("invitation_page"), _("key_changed"), _("key_made"),
    _("key_opened"), _("key_page"), _("key_pinned"), _("language"), _("logged_in"), _("logged_out"), _("login"),
    _("login_page"), _("look_approved"), _("look_asked"), _("look_granted"), _("look_refused"), _("look_step"),
    _("note_written"), _("organization_saved"), _("organizations_listed"), _("override_asked"),
    _("override_confirmed"), _("override_refused"), _("overview_read"), _("referral_accepted"), _("referral_done"),
    _("referral_overdue"), _("referral_passed_on"), _("referral_rejected"), _("referral_unanswered"),
    _("report_exported"), _("report_read"), _("request_decided"), _("requests_listed"), _("role_changed"),
    _("service_drafted"), _("service_edited"), _("service_form"), _("service_proposed"), _("service_published"),
    _("service_read"), _("service_refused"), _("service_reviewed"), _("service_step"), _("service_undone"),
    _("service_verified"), _("staff_changed"), _("staff_disabled"), _("staff_invite"), _("staff_invited"),
    _("staff_joined"), _("staff_listed"), _("status_read"), _("withdrawal_doubted"), _("words_added"),
    _("work_list_read"),
)  # fmt: skip
WHO = (_("bot"), _("child"), _("nobody"), _("system"))
OUTCOMES = (_("done"), _("denied"), _("failed"))


def show_audit(visit: Visit) -> Response:
    """Who did what, the newest first, without content; and whether the chain holds."""
    before = visit.request.query_params.get("before", "")
    found = events(visit.session, int(before) if before.isascii() and before.isdigit() and len(before) < 12 else None)
    named = _names(visit, found)

    def called(code: str) -> str:
        return named.get(code) or visit.words(code)

    return visit.page("audit.html", events=found, called=called, broken=audit.verify(visit.session))


def _names(visit: Visit, found: Iterable[AuditEvent]) -> dict[str, str]:
    """Staff, organisations and services by name; a case has its number only."""
    codes = {code for event in found for code in (event.actor, event.subject) if ":" in code}
    kinds: dict[str, set[UUID]] = {"staff": set(), "organization": set(), "link": set(), "service": set()}
    for kind, _colon, number in (code.partition(":") for code in codes):
        if kind in kinds and len(number) == 36:
            kinds[kind].add(UUID(number))
    session, language = visit.session, "kk" if visit.language == "kk" else "ru"
    staff = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(kinds["staff"])))
    named = {f"staff:{number}": name for number, name in staff}
    bodies = kinds["organization"] | kinds["link"]
    for body, words in session.execute(select(Organization.id, Organization.name).where(Organization.id.in_(bodies))):
        # By a one-time link nobody of the organisation is known by name.
        named |= {f"{kind}:{body}": words.get(language, "") for kind in ("organization", "link")}
    for service, words in session.execute(select(Service.id, Service.name).where(Service.id.in_(kinds["service"]))):
        named[f"service:{service}"] = words.get(language, "")
    return named


PAGES = (Page("GET", "/audit", "audit_read", Permission.AUDIT, show_audit),)
