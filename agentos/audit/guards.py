"""The triggers that let entries in and never change or drop one, for both databases; a migration makes them."""

from typing import Final

SENTENCE: Final = "Entries of the audit log are only ever added."


def statements(vendor: str) -> list[str]:
    """Return the statements that make the triggers."""
    return _SQLITE if vendor == "sqlite" else _POSTGRESQL


def dropped(vendor: str) -> list[str]:
    """Return the statements that take them away."""
    if vendor == "sqlite":
        return ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"]
    return ["DROP FUNCTION audit_append_only() CASCADE"]


def of_shown(vendor: str) -> list[str]:
    """Return the statements that guard the table of what entries showed; after those of `statements`."""
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER audit_shown_no_{event.lower()} BEFORE {event} ON audit_shown "
            f"BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"
            for event in ("UPDATE", "DELETE")
        ]
    return [
        "CREATE TRIGGER audit_shown_no_change BEFORE UPDATE OR DELETE ON audit_shown FOR EACH ROW "
        "EXECUTE FUNCTION audit_append_only()",
        "CREATE TRIGGER audit_shown_no_truncate BEFORE TRUNCATE ON audit_shown FOR EACH STATEMENT "
        "EXECUTE FUNCTION audit_append_only()",
    ]


_SQLITE: Final = [
    f"CREATE TRIGGER audit_no_{event.lower()} BEFORE {event} ON audit_entry "
    f"BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"
    for event in ("UPDATE", "DELETE")
]
_POSTGRESQL: Final = [
    "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{SENTENCE}'; END $$",
    "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW "
    "EXECUTE FUNCTION audit_append_only()",
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT "
    "EXECUTE FUNCTION audit_append_only()",
]
