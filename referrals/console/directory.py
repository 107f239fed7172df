"""The directory's pages: list, service, form, review, history, and the child's view before anything is published."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from starlette.responses import Response

from content.cards import card
from content.model import LOCALES, REGISTERS, load_catalogue, load_taxonomy
from content.regions import all_regions
from referrals.console.records import PAGE_SIZE, freshness_of, organizations, services
from referrals.console.visit import NotThere, Page, Refusal, Visit, goto
from referrals.directory import editing
from referrals.directory.facts import (
    DAYS,
    FactsWrong,
    ServiceFacts,
    as_child_sees,
    check_facts,
    differences,
    facts_of,
)
from referrals.directory.freshness import limits, stale_services
from referrals.directory.models import ChangeKind, Kind, NeedsGuardian, Organization, Service, ServiceChange, Status
from referrals.directory.search import card_facts
from referrals.directory.week import HoursWrong, hours_from, week_of
from referrals.permissions import Permission
from referrals.wording import _

WORDS = (
    _("draft"), _("published"), _("archived"), _("line"), _("emergency"), _("crisis_centre"), _("family_support"),
    _("legal_aid"), _("ombudsman"), _("yes"), _("no"), _("unknown"), _("waiting"), _("refused"), _("edit"),
    _("archive"), _("restore"), _("law"), _("never"), _("fresh"), _("stale"), _("hidden"), _("female"), _("male"),
    _("MO"), _("TU"), _("WE"), _("TH"), _("FR"), _("SA"), _("SU"),
    _("organization_id"), _("kind"), _("name"), _("description"), _("minimum_age"), _("maximum_age"), _("gender"),
    _("concerns"), _("languages"), _("cost"), _("needs_guardian"), _("licence"), _("trained_for_children"),
    _("takes_handovers"), _("always_open"), _("nationwide"), _("backup_contact"), _("source"), _("phones"),
    _("hours"), _("regions"), _("places"),
)  # fmt: skip
_CHOICES = {
    "kinds": list(Kind), "guardian": list(NeedsGuardian), "concern_codes": list(load_taxonomy().concerns),
    "region_codes": list(all_regions()), "days": DAYS, "language_codes": ("kk", "ru", "en"),
}  # fmt: skip


@cache
def _catalogue() -> Any:
    return load_catalogue()


def show_list(visit: Visit) -> Response:
    """Services by name, phone and state; those that wait for a second person; those to verify."""
    query = visit.request.query_params
    number = query.get("page", "1")
    page = int(number) if number.isascii() and number.isdigit() and int(number[:6]) > 0 else 1
    found, count = services(
        visit.session, words=query.get("q", ""), status=query.get("status", ""), page=page,
        waiting=query.get("waiting") == "1",
    )  # fmt: skip
    return visit.page(
        "directory.html", services=found, count=count, page_number=page, pages=-(-count // PAGE_SIZE),
        q=query.get("q", ""), chosen_status=query.get("status", ""), waiting=query.get("waiting") == "1",
        freshness={one.id: freshness_of(one, visit.at) for one in found}, statuses=list(Status),
    )  # fmt: skip


def show_work_list(visit: Visit) -> Response:
    """What to call this week, the longest unverified first."""
    found = stale_services(visit.session, visit.at)
    return visit.page(
        "to_verify.html",
        services=found,
        freshness={s.id: freshness_of(s, visit.at) for s in found},
        hide_days=limits().hide,
    )


def _service(visit: Visit) -> Service:
    service = visit.session.get(Service, visit.identity())
    if service is None:
        raise NotThere
    visit.subject = f"service:{service.id}"
    return service


def show_service(visit: Visit) -> Response:
    """A service as it is, what waits, how children would see it, and its history."""
    service = _service(visit)
    waiting = editing.waiting_change(visit.session, service.id)
    edited = waiting is not None and waiting.kind == ChangeKind.EDIT
    shown = ServiceFacts.model_validate(waiting.after) if waiting and edited else facts_of(service)
    week, others = week_of(facts_of(service).hours)
    return visit.page(
        "service.html", service=service, facts=facts_of(service), waiting=waiting, week=week, other_hours=others,
        changes=differences(waiting.before, waiting.after) if waiting and waiting.before else [],
        cards=child_views(visit, shown), history=editing.history(visit.session, service.id),
        freshness=freshness_of(service, visit.at), fields=differences,
    )  # fmt: skip


def child_views(visit: Visit, facts: ServiceFacts) -> list[tuple[str, str, str]]:
    """The card as the bot would say it: language, register, words."""
    found = as_child_sees(facts, visit.at)
    views: dict[tuple[str, str], list[str]] = {}
    for locale in LOCALES:
        for register in REGISTERS:
            words = card(_catalogue(), card_facts(found, locale), locale, register)
            # Registers that read the same are shown once.
            views.setdefault((locale, words), []).append(register)
    return [(locale, ", ".join(registers), words) for (locale, words), registers in views.items()]


# -- the form


def show_new(visit: Visit) -> Response:
    return _form(visit, None, _EMPTY, {})


def show_edit(visit: Visit) -> Response:
    service = _service(visit)
    return _form(visit, service, _values_of(facts_of(service)), {})


def save_new(visit: Visit) -> Response:
    return _save(visit, None)


def save_edit(visit: Visit) -> Response:
    return _save(visit, _service(visit))


def _save(visit: Visit, service: Service | None) -> Response:
    """Look at it first, as a child would; the second button asks for the review."""
    try:
        facts = _read(visit, facts_of(service) if service else None)
    except FactsWrong as error:
        return _form(visit, service, _typed_in(visit), error.problems, status=400)
    except HoursWrong as error:
        return _form(visit, service, _typed_in(visit), {"hours": str(error)}, status=400)
    if visit.text("do") != "propose":
        return _form(visit, service, _typed_in(visit), {}, cards=child_views(visit, facts))
    if service is None:
        service = editing.draft_service(visit.session, facts, visit.staff.actor, visit.at)
        visit.subject = f"service:{service.id}"
    else:
        editing.propose_edit(visit.session, service, facts, visit.staff.actor, visit.at)
    return goto(f"/directory/{service.id}")


def _form(
    visit: Visit, service: Service | None, values: Mapping[str, Any], problems: Mapping[str, str], *,
    cards: list[tuple[str, str, str]] | None = None, status: int = 200,
) -> Response:  # fmt: skip
    return visit.page(
        "service_form.html", status, service=service, values=values, problems=problems, cards=cards or [],
        organizations=organizations(visit.session), **_CHOICES,
    )  # fmt: skip


_TEXTS = (
    "organization_id", "kind", "name_kk", "name_ru", "description_kk", "description_ru", "minimum_age",
    "maximum_age", "gender", "cost", "needs_guardian", "licence", "trained_for_children", "backup_contact",
    "source", "phones", "private_phones", "other_hours", "place_region", "place_town", "place_address_kk",
    "place_address_ru",
)  # fmt: skip
_TICKS = ("takes_handovers", "always_open", "nationwide", "place_private")
_LISTS = ("concerns", "languages", "regions")
_EMPTY: Mapping[str, Any] = {
    **dict.fromkeys(_TEXTS, ""), **dict.fromkeys(_TICKS, False), **dict.fromkeys(_LISTS, ()),
    "place_private": True, "week": dict.fromkeys(DAYS, ""), "needs_guardian": NeedsGuardian.UNKNOWN.value,
}  # fmt: skip


def _typed_in(visit: Visit) -> dict[str, Any]:
    """The form as it was filled in, to be shown again."""
    return {
        **{name: visit.text(name) for name in _TEXTS},
        **{name: visit.text(name) == "on" for name in _TICKS},
        **{name: tuple(visit.texts(name)) for name in _LISTS},
        "week": {day: visit.text(f"hours_{day}") for day in DAYS},
    }


def _values_of(facts: ServiceFacts) -> dict[str, Any]:
    """Facts as the form's fields."""
    week, others = week_of(facts.hours)
    place = facts.places[0] if facts.places else None
    trained = {True: "yes", False: "no", None: ""}[facts.trained_for_children]
    plain = ("minimum_age", "maximum_age", "gender", "cost", "licence", "backup_contact", "source")
    return {
        **_EMPTY,
        **{name: "" if getattr(facts, name) is None else str(getattr(facts, name)) for name in plain},
        **{
            f"{name}_{locale}": getattr(facts, name).get(locale, "")
            for name in ("name", "description")
            for locale in LOCALES
        },
        "organization_id": str(facts.organization_id), "kind": facts.kind.value,
        "needs_guardian": facts.needs_guardian.value, "trained_for_children": trained,
        "takes_handovers": facts.takes_handovers, "always_open": facts.always_open, "nationwide": facts.nationwide,
        "concerns": facts.concerns, "languages": facts.languages, "regions": facts.regions,
        "phones": "\n".join(p.number for p in facts.phones if not p.private),
        "private_phones": "\n".join(p.number for p in facts.phones if p.private),
        "week": week, "other_hours": "\n".join(others),
        **({
            "place_region": place.region, "place_town": place.town, "place_private": place.private,
            "place_address_kk": place.address.get("kk", ""), "place_address_ru": place.address.get("ru", ""),
        } if place else {}),
    }  # fmt: skip


def _read(visit: Visit, before: ServiceFacts | None) -> ServiceFacts:
    """The form as facts; raises FactsWrong, HoursWrong. Places beyond the first are kept as they were."""
    typed = _typed_in(visit)
    hours = list(hours_from(typed["week"], typed["other_hours"]))
    dated = [one for one in before.hours if one.valid_from or one.valid_to] if before else []
    trained = {"yes": True, "no": False}.get(typed["trained_for_children"])
    optional = ("minimum_age", "maximum_age", "gender", "cost", "licence", "backup_contact")
    return check_facts(
        {
            "organization_id": typed["organization_id"] or None, "kind": typed["kind"], "source": typed["source"],
            "name": _both(typed, "name"), "description": _both(typed, "description"),
            **{name: typed[name] or None for name in optional},
            **{name: typed[name] for name in ("takes_handovers", "always_open", "nationwide", *_LISTS)},
            "needs_guardian": typed["needs_guardian"], "trained_for_children": trained,
            "phones": [
                {"number": line, "private": private}
                for name, private in (("phones", False), ("private_phones", True))
                for line in typed[name].splitlines()
                if line.strip()
            ],
            "hours": [one.model_dump() for one in (*hours, *dated)],
            "places": _places(typed, before),
        }
    )  # fmt: skip


def _both(typed: Mapping[str, Any], name: str) -> dict[str, str]:
    return {locale: typed[f"{name}_{locale}"] for locale in LOCALES if typed[f"{name}_{locale}"]}


def _places(typed: Mapping[str, Any], before: ServiceFacts | None) -> list[dict[str, Any]]:
    others = [place.model_dump() for place in before.places[1:]] if before else []
    if not typed["place_region"]:
        return others
    place = {
        "region": typed["place_region"], "town": typed["place_town"], "private": typed["place_private"],
        "address": _both(typed, "place_address"),
    }  # fmt: skip
    return [place, *others]


# -- steps


def step(visit: Visit) -> Response:
    """Verified, to be archived, to be restored."""
    service, do = _service(visit), visit.text("do")
    visit.details["do"] = do[:20]
    actor = visit.staff.actor
    if do == "verify":
        editing.verify(visit.session, service, actor, visit.staff.name, visit.at)
    elif do == "archive":
        editing.propose_archive(visit.session, service, actor, visit.at)
    elif do == "restore":
        editing.propose_restore(visit.session, service, actor, visit.at)
    else:
        raise Refusal(_("There is no such step."))
    return goto(f"/directory/{service.id}")


def _change(visit: Visit) -> ServiceChange:
    number = visit.request.path_params["change"]
    known = number.isascii() and number.isdigit() and len(number) < 12
    change = visit.session.get(ServiceChange, int(number)) if known else None
    if change is None:
        raise NotThere
    visit.subject = f"service:{change.service_id}"
    return change


def review(visit: Visit) -> Response:
    """A second person's yes or no."""
    change = _change(visit)
    editing.decide(
        visit.session, change, agreed=visit.text("do") == "agree", reviewer=visit.staff.actor,
        reviewer_name=visit.staff.name, at=visit.at, remark=visit.text("remark"),
    )  # fmt: skip
    return goto(f"/directory/{change.service_id}")


def undo(visit: Visit) -> Response:
    change = _change(visit)
    editing.propose_undo(visit.session, change, visit.staff.actor, visit.at)
    return goto(f"/directory/{change.service_id}")


# -- organisations


def show_organizations(visit: Visit) -> Response:
    return visit.page("organizations.html", organizations=organizations(visit.session))


def save_organization(visit: Visit) -> Response:
    """A new organisation, or other names of one that is there."""
    names: dict[str, str] = {locale: visit.text(f"name_{locale}")[:120] for locale in LOCALES}
    if not all(names.values()):
        raise Refusal(_("An organisation needs its name in both languages."))
    chosen = visit.chosen("organization")
    found = visit.session.get(Organization, chosen) if chosen else Organization()
    if found is None:
        raise NotThere
    found.name, found.source = names, visit.text("source")[:400]
    visit.session.add(found)
    visit.session.flush()
    visit.subject = f"organization:{found.id}"
    return goto("/organizations")


_P = Permission
PAGES = (
    Page("GET", "/directory", "directory_listed", _P.DIRECTORY_READ, show_list),
    Page("GET", "/directory/verify", "work_list_read", _P.DIRECTORY_READ, show_work_list),
    Page("GET", "/directory/new", "service_form", _P.DIRECTORY_EDIT, show_new),
    Page("POST", "/directory/new", "service_drafted", _P.DIRECTORY_EDIT, save_new),
    Page("GET", "/directory/{id}", "service_read", _P.DIRECTORY_READ, show_service),
    Page("POST", "/directory/{id}", "service_step", _P.DIRECTORY_EDIT, step),
    Page("GET", "/directory/{id}/edit", "service_form", _P.DIRECTORY_EDIT, show_edit),
    Page("POST", "/directory/{id}/edit", "service_edited", _P.DIRECTORY_EDIT, save_edit),
    Page("POST", "/changes/{change}/review", "service_reviewed", _P.DIRECTORY_REVIEW, review),
    Page("POST", "/changes/{change}/undo", "service_undone", _P.DIRECTORY_EDIT, undo),
    Page("GET", "/organizations", "organizations_listed", _P.DIRECTORY_READ, show_organizations),
    Page("POST", "/organizations", "organization_saved", _P.DIRECTORY_EDIT, save_organization),
)
