"""What is odd about a session's data: marks with a name that `health:` asks for, each with a sentence for pages.

Nothing here is an error of ours or hides anything; it says why counts may surprise, and what Agno may stumble over.
Everything is told from what deriving has at hand: the session, the stubs of its runs, and their rows.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from agentos.catalog.sizes import COPIES
from agentos.records import Session

if TYPE_CHECKING:
    from agentos.catalog.models import CatalogRun
    from agentos.db.reader import RunStub

# The paragraphs named are those of the description of Agno's format.
MARKS: Final = {
    # §3: an element that is no JSON object is no run.
    "bad_runs": "Some of its runs cannot be read as runs.",
    # §4.2, §4.3: a member's or step's run names the run that it is part of.
    "missing_parents": "Some runs are part of a run that is not stored.",
    # §1.2, §4.1: `run_index` is a run's place from 0; Agno's history goes by it.
    "index_gaps": "The runs are not numbered without gaps, so some may have been removed.",
    "index_duplicates": "Several runs have the same number, so their order is a guess.",
    # §5.3: a caller who is not the session's user can leave a run in it.
    "foreign_user": "Some runs belong to another user than the session.",
    # §1.5: Agno 3 reads the list of Agno 2 beside its own table until it is migrated.
    "list_layout": "Some runs are still where Agno 2 kept them; Agno's migration has not moved them.",
    # §3.3: early versions stored earlier messages again with each run.
    "history_copies": "Runs hold copies of earlier messages that are more than half of their bytes.",
    # §5.5: the session's own totals count paused runs twice and miss others.
    "totals_differ": "The tokens that the session itself counted differ from those of its runs.",
}  # fmt: skip

# What somebody may do about it. Nothing here is done by us: the tables are Agno's.
ADVICE: Final = {
    "bad_runs": "Open the session's Raw tab to see what stands there. Agno leaves such an entry out of its history.",
    "missing_parents": "Nothing that was stored is lost: teams and workflows may be told not to keep others' runs.",
    "index_gaps": "Nothing, if runs were removed on purpose. Agno goes by the order, not by the numbers being whole.",
    "index_duplicates": "Several programs wrote at once with Agno 3. Runs of one second may be out of order.",
    "foreign_user": "Look who ran it: the caller named another user than the session has. Set user_id where it is run.",
    "list_layout": "Run Agno's own migration to move them into its table of runs. Both are read here, each run once.",
    "history_copies": "Runs that newer versions of Agno store have no such copies. What is stored may stay as it is.",
    "totals_differ": "Go by the runs: Agno counts a paused run again when it goes on, and may miss others.",
}  # fmt: skip


def marks(
    session: Session, stubs: Sequence["RunStub"], rows: Sequence["CatalogRun"], sums: dict[str, Any], *, mixed: bool
) -> list[str]:
    """Return the names of what is odd, sorted. `rows`: of all runs; `sums`: what is counted of them.

    `mixed`: the source keeps runs in its own table and in lists.
    """
    found = {
        "bad_runs": any(row.kind == "bad" for row in rows),
        "missing_parents": _lacks_parents(rows),
        "index_gaps": _has_gaps(stubs),
        "index_duplicates": any(number > 1 for number in _indexes(stubs).values()),
        "foreign_user": any(stub.user_id not in (None, session.user_id) for stub in stubs),
        "list_layout": mixed and any(stub.place == "list" for stub in stubs),
        "history_copies": any(COPIES in row.traits for row in rows),
        "totals_differ": _differs(session, sums),
    }
    return sorted(name for name, is_so in found.items() if is_so)


def sentences(names: Iterable[str]) -> list[str]:
    """Return what to say of each mark; a name that is no mark is passed over."""
    return [MARKS[name] for name in names if name in MARKS]


def _lacks_parents(rows: Sequence["CatalogRun"]) -> bool:
    known = {row.run_id for row in rows}
    return any(row.parent_run_id is not None and row.parent_run_id not in known for row in rows)


def _indexes(stubs: Iterable["RunStub"]) -> Counter[int]:
    return Counter(stub.run_index for stub in stubs if stub.run_index is not None)


def _has_gaps(stubs: Sequence["RunStub"]) -> bool:
    """Rows go on counting where a list ends, so an entry of the list has the number of its place."""
    numbers = {*_indexes(stubs), *(stub.position for stub in stubs if stub.place == "list")}
    return bool(numbers) and (min(numbers) != 0 or max(numbers) + 1 > len(numbers))


def _differs(session: Session, sums: dict[str, Any]) -> bool:
    counted = session.session_metrics
    stored = counted.tokens if counted is not None else None
    return stored is not None and sums["total_tokens"] is not None and stored != sums["total_tokens"]
