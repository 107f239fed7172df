"""What can be counted: where help is and where it is missing, and the reports, in which no child can be found."""

import re
from collections import Counter
from datetime import date

from markupsafe import Markup
from starlette.responses import Response

from content.model import load_taxonomy
from referrals.bars import bars_svg, table_svg
from referrals.console.visit import Page, Refusal, Visit
from referrals.console.web import named
from referrals.directory.coverage import Help, coverage, tile_map_svg
from referrals.directory.hours import KAZAKHSTAN
from referrals.dropoff import DropOff, drop_off
from referrals.permissions import Permission
from referrals.reports import Dimension, Report, report
from referrals.wording import _

WORDS = (
    _("helped"), _("accepted"), _("done"), _("nobody"), _("withdrawn"), _("other"),
    _("concern"), _("region"), _("age_band"), _("language"), _("month"), _("reached"), _("safe"),
)  # fmt: skip
STEP_WORDS = {
    "language": _("Choosing the language"), "greeting": _("Greeting"), "who": _("For whom it is"), "age": _("Age"),
    "concern": _("What it is about"), "confirm": _("“Did I understand you?”"),
    "help_offered": _("Ways to help were offered"), "help_described": _("One way to help was described"),
    "region": _("Place"), "services": _("Services were shown"), "numbers": _("Numbers were shown"),
    "handover": _("Asking an organisation for help"), "sent": _("A hand-over was sent"), "rights": _("Rights"),
    "caregiver": _("An adult's questions"), "danger": _("Danger"), "not_understood": _("It was not understood"),
    "other": _("Something else"),
}  # fmt: skip
STAGE_WORDS = {
    "kind": _("Help wanted"), "region": _("Place"), "excluded": _("Must not learn of it"),
    "gender": _("For girls or for boys"), "contact": _("May be written to"), "when": _("When"),
    "words": _("Own words"), "preview": _("What will be handed over"), "sent": _("A hand-over was sent"),
}  # fmt: skip
_QUARTER = re.compile(r"(20[0-9]{2})-([1-4])")
_QUARTERS_LISTED = 8
_PREFIXES = {
    Dimension.CONCERN: "concern",
    Dimension.REGION: "region",
    Dimension.AGE_BAND: "age",
    Dimension.LANGUAGE: "lang",
}


def show_coverage(visit: Visit) -> Response:
    """A map of one concern, and for every concern in how many regions there is help."""
    concerns = tuple(load_taxonomy().concerns)
    chosen = visit.request.query_params.get("concern", concerns[0])
    if chosen not in concerns:
        raise Refusal(_("Choose from the list."), 404)
    found = coverage(visit.session, visit.at)
    counts = {one: Counter(found.cells[region, one].help for region in found.regions) for one in concerns}
    drawn = tile_map_svg(found, chosen, visit.language, _words(visit, Dimension.CONCERN, chosen))
    return visit.page(
        "coverage.html", found=found, concerns=concerns, chosen=chosen, counts=counts, states=list(Help),
        # Every word in it was escaped where it was drawn.
        drawn=Markup(drawn),  # noqa: S704
    )  # fmt: skip


def show_report(visit: Visit) -> Response:
    """A quarter that is over: of quarters that do not overlap, no smaller time can be worked out."""
    chosen, quarters = _quarter(visit)
    made = report(visit.session, *_months(chosen))
    charts = {
        table.dimension: Markup(_chart(visit, made, table.dimension))  # noqa: S704 # escaped where it was drawn
        for table in made.tables
    }
    left = drop_off(visit.session, *_months(chosen))
    return visit.page(
        "reports.html", left=left, left_charts=_drop_off_charts(visit, left), report=made, charts=charts,
        chosen=chosen, quarters=quarters, words=lambda dimension, value: _words(visit, dimension, value),
        step_words=STEP_WORDS, stage_words=STAGE_WORDS,
    )  # fmt: skip


def write_report(visit: Visit) -> Response:
    chosen, _quarters = _quarter(visit)
    content = report(visit.session, *_months(chosen)).to_csv() + drop_off(visit.session, *_months(chosen)).csv_lines()
    headers = {"content-disposition": f'attachment; filename="janymda-report-{chosen}.csv"'}
    return Response(content.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


def _chart(visit: Visit, made: Report, dimension: Dimension) -> str:
    labels = {line.value: _words(visit, dimension, line.value) for line in made.table(dimension).lines}
    return table_svg(made.table(dimension), visit.language, labels)


def _drop_off_charts(visit: Visit, left: DropOff) -> tuple[Markup, Markup]:
    """Where conversations ended, and how many came to each step of asking for help."""
    ended = [(visit.words(STEP_WORDS[one.step]), one.count) for one in left.ended]
    reached = [(visit.words(STAGE_WORDS[one.step]), one.reached) for one in left.stages]
    titles = (_("At which step conversations ended"), _("How far children came in asking an organisation for help"))
    names = ("ended", "reached")
    return tuple(  # type: ignore[return-value] # two of two
        Markup(bars_svg(f"report-{name}", visit.language, visit.words(title), lines))  # noqa: S704 # escaped there
        for name, title, lines in zip(names, titles, (ended, reached), strict=True)
    )


def _words(visit: Visit, dimension: Dimension, value: str) -> str:
    """A code as staff read it."""
    prefix = _PREFIXES.get(dimension)
    return visit.words(value) if prefix is None or value == "unknown" else named(visit.language, prefix, value)


def _quarter(visit: Visit) -> tuple[str, list[str]]:
    """The quarter asked for, and those that can be: the one that runs is not among them."""
    today = visit.at.astimezone(KAZAKHSTAN).date()
    running = today.year * 4 + (today.month - 1) // 3
    quarters = [f"{number // 4}-{number % 4 + 1}" for number in range(running - 1, running - 1 - _QUARTERS_LISTED, -1)]
    chosen = visit.request.query_params.get("quarter", quarters[0])
    if chosen not in quarters:
        raise Refusal(_("Reports are of whole quarters that are over. Choose one from the list."), 404)
    visit.details["quarter"] = chosen
    return chosen, quarters


def _months(quarter: str) -> tuple[date, date]:
    found = _QUARTER.fullmatch(quarter)
    assert found is not None  # it was chosen from the list
    year, first = int(found.group(1)), 3 * int(found.group(2)) - 2
    return date(year, first, 1), date(year, first + 2, 1)


PAGES = (
    Page("GET", "/coverage", "coverage_read", Permission.COVERAGE_READ, show_coverage),
    Page("GET", "/reports", "report_read", Permission.REPORTS, show_report),
    Page("GET", "/reports.csv", "report_exported", Permission.REPORTS, write_report),
)
