"""The triggers that note which sums are out of date, as statements for both databases; a migration makes them.

A change of a session touches the day of its last update, one of a run that day and the hour the run was created in.
"""

from typing import Final

# A change of no other column touches a sum.
_SESSION: Final = (
    "updated_at", "session_type", "component_key", "component_id", "component_name", "user_key", "user_id", "model",
    "run_count", "top_level_run_count", "forest_run_count", "tool_call_count", "tool_error_count", "error_count",
    "total_tokens", "cost", "tool_calls_by_name", "tool_failures", "health", "stored_bytes", "media_bytes",
    "history_bytes",
)  # fmt: skip
_RUN: Final = (
    "session_id", "created_at", "depth", "kind", "status", "model", "input_tokens", "cached_tokens", "output_tokens",
    "total_tokens", "cost", "duration", "tool_call_count", "tool_error_count",
)  # fmt: skip
_TABLES: Final = {"session": ("catalog_catalogsession", _SESSION), "run": ("catalog_catalogrun", _RUN)}
_EVENTS: Final = ("insert", "update", "delete")
# What a row touches: the grain, the place, and what stands behind it in the statement. `row` is OLD or NEW.
_TOUCHED: Final = {
    "session": (("d", "{row}.updated_at / 86400", "WHERE true"),),
    "run": (
        ("h", "{row}.created_at / 3600", "WHERE {row}.created_at IS NOT NULL"),
        ("d", "updated_at / 86400", "FROM catalog_catalogsession WHERE id = {row}.session_id"),
    ),
}
# The same for all rows of a statement at once, which PostgreSQL has as a table.
_TOUCHED_AT_ONCE: Final = {
    "session": (("d", "updated_at / 86400", "FROM changed"),),
    "run": (
        ("h", "created_at / 3600", "FROM changed WHERE created_at IS NOT NULL"),
        (
            "d",
            "session.updated_at / 86400",
            "FROM changed JOIN catalog_catalogsession AS session ON session.id = changed.session_id",
        ),
    ),
}


def sqlite() -> list[str]:
    """Return the statements that make the triggers in SQLite. It has one writer, so a place is noted once."""
    return [_sqlite(table, event) for table in _TABLES for event in _EVENTS]


def postgresql() -> list[str]:
    """Return the statements that make the triggers in PostgreSQL.

    A place is noted anew by every transaction: a note of another one may be on its way out.
    """
    return [statement for table in _TABLES for event in _EVENTS for statement in _postgresql(table, event)]


def _sqlite(table: str, event: str) -> str:
    notes = []
    for row in _rows(event):
        for grain, at, rest in _TOUCHED[table]:
            # The names and places of the tables above; triggers take no parameters.
            noted = f"SELECT 1 FROM catalog_catalogstale WHERE grain = '{grain}' AND at = {at}".format(row=row)  # noqa: S608  # names and expressions of ours
            notes.append(f"{_note(grain, at, rest).format(row=row)} AND NOT EXISTS ({noted});")
    return f"CREATE TRIGGER catalog_stale_{table}_{event} {_when(table, event)} BEGIN {' '.join(notes)} END"


def _postgresql(table: str, event: str) -> list[str]:
    name = f"catalog_stale_{table}_{event}"
    if event == "update":
        notes = [_note(*one).format(row=row) for row in _rows(event) for one in _TOUCHED[table]]
        each = "FOR EACH ROW"
    else:
        notes = [_note(*one) for one in _TOUCHED_AT_ONCE[table]]
        each = f"REFERENCING {_rows(event)[0]} TABLE AS changed FOR EACH STATEMENT"
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {'; '.join(notes)}; RETURN NULL; END $$",
        f"CREATE TRIGGER {name} {_when(table, event)} {each} EXECUTE FUNCTION {name}()",
    ]


def _note(grain: str, at: str, rest: str) -> str:
    return f"INSERT INTO catalog_catalogstale (grain, at) SELECT DISTINCT '{grain}', {at} {rest}"


def _when(table: str, event: str) -> str:
    name, columns = _TABLES[table]
    of = f" OF {', '.join(columns)}" if event == "update" else ""
    return f"AFTER {event.upper()}{of} ON {name}"


def _rows(event: str) -> tuple[str, ...]:
    return {"insert": ("NEW",), "delete": ("OLD",), "update": ("OLD", "NEW")}[event]


def all_there_is() -> list[str]:
    """Return the statements that note everything, for catalogs that are older than the sums."""
    return [
        _note("d", "updated_at / 86400", "FROM catalog_catalogsession"),
        _note("h", "created_at / 3600", "FROM catalog_catalogrun WHERE created_at IS NOT NULL"),
    ]


def dropped(vendor: str) -> list[str]:
    """Return the statements that take the triggers away."""
    names = [(f"catalog_stale_{table}_{event}", name) for table, (name, _) in _TABLES.items() for event in _EVENTS]
    if vendor == "sqlite":
        return [f"DROP TRIGGER {trigger}" for trigger, _ in names]
    return [f"DROP FUNCTION {trigger}() CASCADE" for trigger, _ in names]
