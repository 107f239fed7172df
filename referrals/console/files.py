"""The directory's files: an import is looked at before it is taken over, an export holds nothing private."""

from starlette.responses import Response

from referrals.console.visit import Page, Refusal, Visit
from referrals.console.web import LARGEST_FILE
from referrals.crypto import token_digest
from referrals.directory.exchange.columns import COLUMNS, REQUIRED
from referrals.directory.exchange.reading import TableError, read_table
from referrals.directory.exchange.taking import ImportRefused, apply, preview
from referrals.directory.exchange.writing import write_table
from referrals.directory.hours import KAZAKHSTAN
from referrals.permissions import Permission
from referrals.wording import _

_MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
# A page lists so many of each sort; the counts tell of the rest.
_LISTED = 200


def show_import(visit: Visit) -> Response:
    return _page(visit)


def take_file(visit: Visit) -> Response:
    """First look, then take over exactly what was looked at."""
    return _take(visit) if visit.text("do") == "take" else _look(visit)


def _look(visit: Visit) -> Response:
    name, content = visit.file("file")
    if not content:
        return _page(visit, 400, problem=_("Choose a file first."))
    try:
        looked_at = preview(visit.session, read_table(content, name.rsplit(".", 1)[-1].lower()))
    except TableError as error:
        return _page(visit, 400, problem=str(error))
    if not looked_at.errors:
        visit.remember_import(looked_at)
    visit.details |= {"new": str(len(looked_at.new)), "changed": str(len(looked_at.changed))}
    return _page(visit, 400 if looked_at.errors else 200, looked_at=looked_at)


def _take(visit: Visit) -> Response:
    kept = visit.house.imports.pop(token_digest(visit.token), None)
    if kept is None or kept[1] <= visit.at:
        raise Refusal(_("The file is not here any more. Look at it again."))
    try:
        done = apply(visit.session, kept[0], visit.staff.actor, visit.at)
    except ImportRefused as error:
        # Whatever was taken over before the mistake is undone with the transaction.
        raise Refusal(str(error)) from None
    visit.details |= {"new": str(done.new), "changed": str(done.changed)}
    return _page(visit, done=done)


def _page(visit: Visit, status: int = 200, **values: object) -> Response:
    shared = {"problem": "", "looked_at": None, "done": None}
    return visit.page(
        "import.html", status, columns=COLUMNS, required=REQUIRED, listed=_LISTED,
        megabytes=LARGEST_FILE // 1_000_000, **{**shared, **values},
    )  # fmt: skip


def export(visit: Visit) -> Response:
    kind = visit.request.path_params["kind"]
    visit.details["kind"] = kind[:10]
    try:
        content = write_table(visit.session, kind)
    except TableError as error:
        raise Refusal(str(error), 404) from None
    name = f"janymda-directory-{visit.at.astimezone(KAZAKHSTAN):%Y-%m-%d}.{kind}"
    return Response(
        content, media_type=_MEDIA[kind], headers={"content-disposition": f'attachment; filename="{name}"'}
    )  # fmt: skip


PAGES = (
    Page("GET", "/directory/import", "import_form", Permission.DIRECTORY_EDIT, show_import),
    Page("POST", "/directory/import", "directory_imported", Permission.DIRECTORY_EDIT, take_file),
    Page("GET", "/directory/export.{kind}", "directory_exported", Permission.DIRECTORY_READ, export),
)
