"""Sums over runs by the hour they were created in, with their durations in buckets of which percentiles are read."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from agentos.catalog.rollup_models import CatalogHour

if TYPE_CHECKING:
    from agentos.catalog.models import CatalogRun

HOUR: Final = 3_600
# Buckets a doubling of the duration has. A percentile is the middle of its bucket: at most 9 % off.
_FINENESS: Final = 4
_FIRST_SECONDS: Final = 0.001
_LAST: Final = 30 * _FINENESS
_UNTIMED: Final = -1
_MOST: Final = 10**12
_COLUMNS: Final = (
    "created_at", "depth", "kind", "status", "input_tokens", "cached_tokens", "output_tokens", "total_tokens",
    "cost", "duration",
)  # fmt: skip
_SUMMED: Final = (
    "runs", "failed", "input_tokens", "cached_tokens", "output_tokens", "tokens", "cost", "cost_unknown",
)  # fmt: skip


def hours(runs: "QuerySet[CatalogRun]") -> list[CatalogHour]:
    """Sum the runs by hour, unsaved. Those without a time are left out, and so are those that cannot be read."""
    readable = runs.exclude(kind="bad").filter(created_at__isnull=False)
    try:
        chosen, values = readable.values_list(*_COLUMNS).query.sql_with_params()
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"WITH chosen ({', '.join(_COLUMNS)}) AS ({chosen}) {_STATEMENT}", values)
        rows = cursor.fetchall()
    found: dict[int, CatalogHour] = {}
    for hour, bucket, *sums in rows:
        _add(found.setdefault(hour, CatalogHour(hour=hour)), bucket, sums)
    return list(found.values())


def bucket_of(seconds: float) -> int:
    """Return the bucket of a duration."""
    if seconds <= _FIRST_SECONDS:
        return 0
    return min(_LAST, math.floor(math.log2(seconds / _FIRST_SECONDS) * _FINENESS))


def percentile(durations: Mapping[int, int], share: float) -> float | None:
    """Return the duration in seconds that `share` of those in the buckets do not exceed; None when there are none."""
    left = share * sum(durations.values())
    for bucket in sorted(durations):
        left -= durations[bucket]
        if left <= 0 and durations[bucket]:
            return float(_FIRST_SECONDS * 2 ** ((bucket + 0.5) / _FINENESS)) if bucket else _FIRST_SECONDS
    return None


def _known(column: str) -> str:
    return f"sum(CASE WHEN {column} BETWEEN -{_MOST} AND {_MOST} THEN {column} END)"


_BUCKET: Final = f"""CASE WHEN depth > 0 OR duration IS NULL OR duration < 0 THEN {_UNTIMED}
    WHEN duration <= {_FIRST_SECONDS} THEN 0 WHEN duration >= {_FIRST_SECONDS * 2**30} THEN {_LAST}
    ELSE CAST(floor(ln(duration / {_FIRST_SECONDS}) * {_FINENESS / math.log(2)!r}) AS integer) END"""
_STATEMENT: Final = f"""SELECT hour, bucket, count(CASE WHEN depth = 0 THEN 1 END),
    count(CASE WHEN depth = 0 AND status = 'ERROR' THEN 1 END), {_known("input_tokens")}, {_known("cached_tokens")},
    {_known("output_tokens")}, {_known("total_tokens")}, {_known("cost")},
    count(CASE WHEN cost IS NULL AND kind <> 'workflow' THEN 1 END)
    FROM (SELECT chosen.*, created_at / {HOUR} AS hour, {_BUCKET} AS bucket FROM chosen) AS timed
    GROUP BY hour, bucket"""  # noqa: S608  # our names


def _add(row: CatalogHour, bucket: int, sums: list[Any]) -> None:
    for name, value in zip(_SUMMED, sums, strict=True):
        if value is not None:
            setattr(row, name, (getattr(row, name) or 0) + (value if name == "cost" else int(value)))
    if bucket != _UNTIMED:
        # Keys of JSON are text.
        row.durations[str(bucket)] = row.durations.get(str(bucket), 0) + int(sums[0])
