"""Who of the staff may do what: one table, closed by default."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a person of the staff is there for."""

    EDITOR = "editor"
    REVIEWER = "reviewer"
    CASE_WORKER = "case_worker"
    LEAD = "lead"
    COORDINATOR = "coordinator"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """One thing that can be done in the console."""

    DIRECTORY_READ = "directory_read"
    DIRECTORY_EDIT = "directory_edit"
    DIRECTORY_REVIEW = "directory_review"
    COVERAGE_READ = "coverage_read"
    CASES = "cases"
    CASES_OVERVIEW = "cases_overview"
    KEY = "key"
    OVERRIDE = "override"
    REPORTS = "reports"
    AUDIT = "audit"
    STAFF = "staff"
    STAFF_OF_OWN = "staff_of_own"


# Roles that belong to one organisation, and see its hand-overs only.
OF_AN_ORGANIZATION = frozenset((Role.CASE_WORKER, Role.LEAD))

_P = Permission
TABLE: Mapping[Role, frozenset[Permission]] = {
    Role.EDITOR: frozenset((_P.DIRECTORY_READ, _P.DIRECTORY_EDIT, _P.COVERAGE_READ)),
    Role.REVIEWER: frozenset((_P.DIRECTORY_READ, _P.DIRECTORY_EDIT, _P.DIRECTORY_REVIEW, _P.COVERAGE_READ)),
    Role.CASE_WORKER: frozenset((_P.DIRECTORY_READ, _P.CASES)),
    Role.LEAD: frozenset((_P.DIRECTORY_READ, _P.CASES, _P.KEY, _P.OVERRIDE, _P.STAFF_OF_OWN)),
    Role.COORDINATOR: frozenset((_P.DIRECTORY_READ, _P.COVERAGE_READ, _P.CASES_OVERVIEW, _P.REPORTS)),
    Role.AUDITOR: frozenset((_P.AUDIT,)),
    Role.ADMINISTRATOR: frozenset((_P.DIRECTORY_READ, _P.COVERAGE_READ, _P.STAFF)),
}


def may(role: str, permission: Permission) -> bool:
    """Is it allowed? What is not in the table is not."""
    try:
        return permission in TABLE[Role(role)]
    except (ValueError, KeyError):
        return False
