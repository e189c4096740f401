"""The runs that rows of the catalog stand for, out of what is stored: their own entries, or inside another's."""

import threading
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Final

from agentos.catalog.models import CatalogRun
from agentos.catalog.windows import PAYLOAD
from agentos.db.reader import Reader
from agentos.records import BadRun, Run, build_forest, walk

# What is larger than a window is read by one page of a process at a time: reading it takes the interpreter for itself,
# and several at once leave nothing of it to small pages.
_giant: Final = threading.Lock()


def read_runs(reader: Reader, session_id: str, rows: Sequence[CatalogRun]) -> dict[int, Run | BadRun]:
    """Return the runs of these rows of one session by ordinal; what is not there (any more) is left out.

    Each stored run is read once, all of them together.
    """
    names: dict[int, str | None] = {}
    for row in rows:
        names[row.position] = row.run_id if row.stored else names.get(row.position)
    is_giant = sum(row.size for row in rows if row.stored) > PAYLOAD
    with _giant if is_giant else nullcontext():
        stored = reader.runs(session_id, list(names), list(names.values()))
    by_position: dict[int, list[CatalogRun]] = {}
    for row in rows:
        by_position.setdefault(row.position, []).append(row)
    found: dict[int, Run | BadRun] = {}
    for position, run in zip(names, stored, strict=True):
        found |= _matched(run, by_position[position])
    return found


def _matched(stored: Run | BadRun, rows: list[CatalogRun]) -> dict[int, Run | BadRun]:
    if all(row.stored for row in rows):
        return {row.ordinal: stored for row in rows}
    if isinstance(stored, BadRun):
        return {}
    runs = [node.run for node in walk(build_forest([stored])) if isinstance(node.run, Run)]
    by_id = {run.run_id: run for run in reversed(runs) if run.run_id is not None}
    found: dict[int, Run | BadRun] = {row.ordinal: by_id[row.run_id] for row in rows if row.run_id in by_id}
    found |= {row.ordinal: stored for row in rows if row.stored}
    return found | dict(_unnamed(runs, rows))


def _unnamed(runs: list[Run], rows: list[CatalogRun]) -> Iterable[tuple[int, Run | BadRun]]:
    """Match embedded runs without an id by their order: nothing else tells them apart."""
    embedded = [run for run in runs[1:] if run.run_id is None]
    wanted = [row for row in rows if row.run_id is None and not row.stored]
    if not wanted:
        return []
    same = CatalogRun.objects.filter(session_id=wanted[0].session_id, position=wanted[0].position, run_id=None)
    order = list(same.filter(stored=False).order_by("ordinal").values_list("ordinal", flat=True))
    known = dict(zip(order, embedded, strict=False))
    return [(row.ordinal, known[row.ordinal]) for row in wanted if row.ordinal in known]
