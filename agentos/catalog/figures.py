"""Sums over sessions by what they have in common, made in one statement from scalars of the catalog.

The same statements make the sums that are kept (`rollups.py`) and those of a few sessions at once (`things.py`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection

from agentos.catalog.keys import clean, index_key, unescape
from agentos.catalog.rollup_models import LABEL_CHARACTERS, CatalogDay, Sums

if TYPE_CHECKING:
    from agentos.catalog.queries import SessionQuerySet

DAY: Final = 86_400
# What sums are made for. `all` is everything, `health` the marks of what is wrong with the data of a session.
KINDS: Final = ("user", "component", "tool", "model", "health", "all")
SUMMED: Final = tuple(field.name for field in Sums._meta.get_fields())
# No session has more tokens or costs more dollars: larger numbers are nonsense, which must not overflow a sum.
_MOST: Final = 10**12
_COLUMNS: Final = {
    "user": ("user_key", "user_id"),
    "component": ("session_type", "component_key", "component_name", "component_id"),
    "tool": ("tool_calls_by_name", "tool_failures"),
    "model": ("model",),
    "health": ("health",),
    "all": (),
}
_SUMMED_COLUMNS: Final = (
    "id", "updated_at", "error_count", "forest_run_count", "top_level_run_count", "tool_call_count",
    "tool_error_count", "total_tokens", "cost", "stored_bytes", "media_bytes", "history_bytes",
)  # fmt: skip


def key_of(*names: str | None) -> str:
    """Return the `key` of the thing with these names: a user's key, a component's type and key, a tool, a model."""
    return json.dumps(names, ensure_ascii=False, separators=(",", ":"))


def names_of(key: str) -> list[str | None]:
    """Return what `key_of` made the key of."""
    names: list[str | None] = json.loads(key)
    return names


class Tally:
    """Sums of one thing over all its days; there may be thousands at once. `days`: its sessions on each day."""

    __slots__ = ("days", "key", "kind", "label", *SUMMED)
    sessions: int
    failed_sessions: int
    runs: int
    failed_runs: int
    calls: int
    failed_calls: int
    tokens: int | None
    cost: float | None
    cost_unknown: int
    last_seen: int
    stored_bytes: int
    media_bytes: int
    history_bytes: int

    def __init__(self, kind: str, label: str | None, day: int, sums: Sequence[Any]) -> None:
        """Begin with the sums of a day."""
        self.kind, self.key, self.label, self.days = kind, "", label or "", [(day, sums[0])]
        for name, value in zip(SUMMED, sums, strict=True):
            setattr(self, name, value)

    @property
    def folded(self) -> str:
        """Its label as it is looked for."""
        return folded(self.label)


@dataclass(frozen=True)
class Figures:
    """Sums as the database gave them: `rows` of a day, a label, the sums and names; of how many `sessions` they are."""

    kind: str
    rows: Sequence[tuple[Any, ...]] = ()
    sessions: int = 0

    def by_day(self) -> list[CatalogDay]:
        """Return unsaved rows. Names that are alike as keys, being cut, are one thing."""
        found: dict[tuple[int, str], CatalogDay] = {}
        for day, label, sums, names in map(_parts, self.rows):
            key = _key(self.kind, names)
            row = CatalogDay(kind=self.kind, day=day, key=key, label=_label(label))
            for name, value in zip(SUMMED, sums, strict=True):
                setattr(row, name, _whole(name, value))
            known = found.setdefault((day, key), row)
            if known is not row:
                add(known, row)
        return list(found.values())

    def in_all(self) -> list[Tally]:
        """Return the sums of all days together; each thing is called what it was called last."""
        found: dict[tuple[Any, ...], Tally] = {}
        for day, label, sums, names in map(_parts, sorted(self.rows, key=lambda row: -row[0])):
            row = Tally(self.kind, label, day, sums)
            known = found.setdefault(names, row)
            if known is not row:
                add(known, row)
                known.days += row.days
        for names, row in found.items():
            row.key, row.label = _key(self.kind, names), _label(row.label)
            for name in SUMMED:
                setattr(row, name, _whole(name, getattr(row, name)))
        return list(found.values())


def figures(kind: str, sessions: "SessionQuerySet", limit: int | None = None) -> Figures:
    """Sum the sessions, at most `limit` of them (those updated last), by what `kind` says and by day."""
    found = sessions.order_by("-updated_at", "-id")[:limit] if limit else sessions.order_by()
    try:
        chosen, values = found.values_list(*_SUMMED_COLUMNS, *_COLUMNS[kind]).query.sql_with_params()
    except EmptyResultSet:
        return Figures(kind)
    names = ", ".join((*_SUMMED_COLUMNS, *_COLUMNS[kind]))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH chosen ({names}) AS ({chosen}) SELECT counted.n, sums.* FROM (SELECT count(*) AS n FROM chosen)"  # noqa: S608  # our names
            f" AS counted LEFT JOIN ({_statement(kind)}) AS sums ON 1 = 1",
            values,
        )
        rows = cursor.fetchall()
    return Figures(kind, [row[1:] for row in rows if row[1] is not None], rows[0][0])


def _statement(kind: str) -> str:
    return {"tool": _tools, "model": _models, "health": _health}.get(kind, lambda: _sessions(kind))()


def _known(column: str) -> str:
    """Return the column where it holds a number that can be true, else null."""
    return f"CASE WHEN {column} BETWEEN -{_MOST} AND {_MOST} THEN {column} END"


def _sessions(kind: str) -> str:
    names, label = {
        "user": ("user_key", "max(user_id)"),
        "component": ("session_type, component_key", "coalesce(max(component_name), max(component_id))"),
        "all": ("", "''"),
    }[kind]
    groups = f", {names}" if names else ""
    return f"""SELECT updated_at / {DAY}, {label}, count(*), count(CASE WHEN error_count > 0 THEN 1 END),
        sum(top_level_run_count), 0, sum(tool_call_count), sum(tool_error_count), sum({_known("total_tokens")}),
        sum({_known("cost")}), count(CASE WHEN forest_run_count > 0 AND cost IS NULL THEN 1 END), max(updated_at),
        sum(stored_bytes), sum(media_bytes), sum(history_bytes){groups}
        FROM chosen GROUP BY updated_at / {DAY}{groups}"""  # noqa: S608  # our names


def _tools() -> str:
    each = "json_each" if connection.vendor == "sqlite" else "jsonb_each_text"
    number = f"CASE WHEN CAST(tool.value AS bigint) BETWEEN 0 AND {_MOST} THEN CAST(tool.value AS bigint) ELSE 0 END"
    rest = "chosen.updated_at, chosen.error_count, tool.key AS name"
    return f"""SELECT updated_at / {DAY}, name, sum(present),
        count(CASE WHEN present = 1 AND error_count > 0 THEN 1 END), 0, 0,
        sum(calls), sum(failed), NULL, NULL, 0, max(updated_at), 0, 0, 0, name
        FROM (SELECT {rest}, 1 AS present, {number} AS calls, 0 AS failed
            FROM chosen, {each}(chosen.tool_calls_by_name) AS tool
            UNION ALL SELECT {rest}, 0, 0, {number} FROM chosen, {each}(chosen.tool_failures) AS tool) AS tools
        GROUP BY updated_at / {DAY}, name"""  # noqa: S608  # our names


def _models() -> str:
    """Sums of runs by the model that answered; sessions count by what `model:` finds, which is their own model too."""
    return f"""SELECT updated_at / {DAY}, model, count(DISTINCT id),
        count(DISTINCT CASE WHEN error_count > 0 THEN id END),
        sum(ran), sum(failed), sum(calls), sum(failed_calls), sum(tokens), sum(cost),
        sum(CASE WHEN ran = 1 AND cost IS NULL THEN 1 ELSE 0 END), max(updated_at), 0, 0, 0, model
        FROM (SELECT chosen.id, updated_at, error_count, run.model, 1 AS ran,
            CASE WHEN status = 'ERROR' THEN 1 ELSE 0 END AS failed, run.tool_call_count AS calls,
            run.tool_error_count AS failed_calls, {_known("run.total_tokens")} AS tokens, {_known("run.cost")} AS cost
            FROM chosen JOIN catalog_catalogrun AS run ON run.session_id = chosen.id
            WHERE run.model IS NOT NULL AND run.kind <> 'bad'
            UNION ALL SELECT id, updated_at, error_count, model, 0, 0, 0, 0, NULL, NULL
            FROM chosen WHERE model IS NOT NULL) AS models GROUP BY updated_at / {DAY}, model"""  # noqa: S608  # our names


def _health() -> str:
    sqlite = connection.vendor == "sqlite"
    item = "item.value" if sqlite else "item"
    each = f"{'json_each' if sqlite else 'jsonb_array_elements_text'}(chosen.health) AS item"
    return f"""SELECT chosen.updated_at / {DAY}, {item}, count(*), 0, 0, 0, 0, 0, NULL, NULL, 0,
        max(chosen.updated_at), 0, 0, 0, {item} FROM chosen, {each} GROUP BY chosen.updated_at / {DAY}, {item}"""  # noqa: S608  # our names


def _parts(row: tuple[Any, ...]) -> tuple[int, str | None, Sequence[Any], tuple[Any, ...]]:
    """Return day, label, sums and names of a row."""
    end = 2 + len(SUMMED)
    return row[0], row[1], row[2:end], row[end:]


def _whole(name: str, value: Any) -> Any:
    """Return a sum as a whole number, which databases give in types of their own; costs are none."""
    return value if value is None or name == "cost" else int(value)


def _key(kind: str, names: Sequence[Any]) -> str:
    return key_of(*([index_key(names[0])] if kind in ("tool", "model", "health") else names))


def add(into: "Sums | Tally", other: "Sums | Tally") -> None:
    """Add the sums of `other`; what is unknown adds nothing."""
    for name in SUMMED:
        mine, its = getattr(into, name), getattr(other, name)
        if name == "last_seen":
            setattr(into, name, max(mine, its))
        elif its is not None:
            setattr(into, name, its if mine is None else mine + its)


def folded(text: str) -> str:
    """Return a label, or the beginning of one, as `CatalogThing.folded` holds it."""
    return text.casefold()[:LABEL_CHARACTERS]


def _label(text: str | None) -> str:
    return clean(unescape(text or ""), LABEL_CHARACTERS)
