"""What each process may do in PostgreSQL: one table, closed by default (docs/adr/011-two-database-roles.md).

The bot writes what it seals to an organisation and cannot read it back, not even sealed; the console
has nothing of the conversations. Nobody but the database's owner changes the audit trail.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, MetaData

_ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")
_READ = ("SELECT",)
_ADD = ("SELECT", "INSERT")


class Process(StrEnum):
    """Who connects to the database."""

    BOT = "bot"
    CONSOLE = "console"


@dataclass(frozen=True)
class Access:
    """What may be done with a table; `unread` columns are written and never read."""

    verbs: tuple[str, ...]
    unread: frozenset[str] = frozenset()


_FULL, _READS, _ADDS = Access(_ALL), Access(_READ), Access(_ADD)
_DIRECTORY = (
    "organization", "service", "location", "phone", "schedule", "service_area",
)  # fmt: skip
_HANDOVER = ("notice", "answer_link", "follow_up", "attempt", "audit_head", "case_file")

# What stands in neither list of a process, it may not touch.
GRANTS: Mapping[Process, Mapping[str, Access]] = {
    Process.BOT: {
        **dict.fromkeys(("conversation", "seen_update", "outbox_message", "chat_message", "draft"), _FULL),
        **dict.fromkeys(_HANDOVER, _FULL),
        **dict.fromkeys((*_DIRECTORY, "notice_address", "alembic_version"), _READS),
        "audit_event": _ADDS,
        "step_tally": Access(("SELECT", "INSERT", "UPDATE")),
        "consent_override": _READS,
        "referral": Access(_ALL, frozenset(("sealed",))),
        "case_message": Access(_ALL, frozenset(("to_organization",))),
        "organization_key": Access(_READ, frozenset(("wrapped", "recovery"))),
        # For the Monday letters, and to end what has expired.
        "staff": Access(_READ, frozenset(("password", "totp", "recovery_codes"))),
        "staff_session": Access(("SELECT", "DELETE"), frozenset(("token",))),
        "invitation": Access(("SELECT", "DELETE"), frozenset(("token",))),
    },
    Process.CONSOLE: {
        **dict.fromkeys((*_HANDOVER, *_DIRECTORY, "referral", "case_message"), _FULL),
        **dict.fromkeys(("service_change", "notice_address", "organization_key", "consent_override"), _FULL),
        **dict.fromkeys(("staff", "staff_session", "invitation", "second_person"), _FULL),
        "audit_event": _ADDS,
        "step_tally": _READS,
        "alembic_version": _READS,
    },
}


def grant(connection: Connection, metadata: MetaData, process: Process, role: str) -> int:
    """Give a role exactly what the table says of a process, and take everything else; returns the statements.

    The role must exist; its name is quoted. Raises sqlalchemy.exc.ProgrammingError for an unknown one.
    """
    quoted = connection.dialect.identifier_preparer.quote(role)
    statements = list(_statements(metadata, GRANTS[process], quoted))
    for statement in statements:
        connection.exec_driver_sql(statement)
    return len(statements)


def _statements(metadata: MetaData, grants: Mapping[str, Access], role: str) -> Iterator[str]:
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}"
    yield f"REVOKE CREATE ON SCHEMA public FROM {role}"
    yield f"GRANT USAGE ON SCHEMA public TO {role}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
    for name, access in grants.items():
        for verb in access.verbs:
            columns = _readable(metadata, name, access) if verb == "SELECT" and access.unread else ""
            yield f"GRANT {verb}{columns} ON {name} TO {role}"


def _readable(metadata: MetaData, name: str, access: Access) -> str:
    columns = [column.name for column in metadata.tables[name].columns if column.name not in access.unread]
    return f" ({', '.join(columns)})"
