"""A session at a glance, beside the list: from the catalog alone, so it costs no look into a source."""

from dataclasses import dataclass, field

from agentos.catalog.models import CatalogRun, CatalogSession
from sessions_ui.presenters.saved_views import list_of

_LAST_RUNS = 4
_NARROW = ("depth", "ordinal", "run_id", "kind", "component_id", "component_name", "status", "created_at",
           "input_preview", "content_preview", "session_id")  # fmt: skip


@dataclass(frozen=True)
class Preview:
    """A session with its last runs, newest last, its last run that failed, and where to go from it.

    `is_held`: it is on hold, so nothing of what was said is told.
    """

    row: CatalogSession
    runs: list[CatalogRun] = field(default_factory=list)
    failed: CatalogRun | None = None
    of_user: str = ""
    of_component: str = ""
    is_held: bool = False


def preview_of(row: CatalogSession) -> Preview:
    """Return the preview of a session the reader may see. Two statements, of bounded texts."""
    runs = CatalogRun.objects.filter(session=row).only(*_NARROW)
    last = list(runs.filter(depth=0).order_by("-ordinal")[:_LAST_RUNS])
    failed = runs.filter(status="ERROR").order_by("-ordinal").first() if row.error_count else None
    of_user = list_of("user", row.user_id) if row.user_id else ""
    of_component = list_of("component", row.component_id) if row.component_id else ""
    return Preview(row, last[::-1], failed, of_user, of_component)
