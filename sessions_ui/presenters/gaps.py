"""What passed between two runs, in words."""

from agentos.catalog.models import CatalogRun
from agentos.records import as_datetime

# Seconds between runs that are not worth a word.
QUIET = 60


def began(run: CatalogRun) -> float | None:
    """Return when the run began, in unix seconds; None when that is not known or cannot be."""
    moment = as_datetime(run.created_at) if run.created_at else None
    return moment.timestamp() if moment is not None and 1971 <= moment.year <= 9000 else None


def idle(before: CatalogRun | None, run: CatalogRun) -> str:
    """Return how long nothing happened before the run: "22 min idle"; "" when it is not worth a word or not known.

    A run that began before the one above it says so: clocks differ, and runs may be stored out of order.
    """
    start = began(run)
    earlier = began(before) if before is not None else None
    if start is None or earlier is None or before is None:
        return ""
    seconds = start - earlier - (before.duration or 0)
    if start < earlier - QUIET:
        return f"began {words(earlier - start)} before the run above"
    return f"{words(seconds)} idle" if seconds >= QUIET else ""


def words(seconds: float) -> str:
    """Return a time in the one or two units that matter: "12 s", "22 min", "2 h 10", "3 days"."""
    if seconds < 60:
        return f"{seconds:.0f}\N{NO-BREAK SPACE}s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes}\N{NO-BREAK SPACE}min"
    if minutes < 2 * 24 * 60:
        return f"{minutes // 60}\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}{minutes % 60:02}"
    return f"{round(minutes / 60 / 24):,}\N{NO-BREAK SPACE}days"
