"""A run as it now is in its source, and where it stands in the catalog."""

from dataclasses import dataclass
from itertools import islice

from django.http import Http404

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.catalog.windows import find_run
from agentos.db.reader import Reader
from agentos.db.sources import SourceUnavailable, get_source
from agentos.masking.reader import MaskedReader
from agentos.records import BadRun, Run, build_forest, walk
from sessions_ui.permissions import SESSION_NOT_FOUND
from sessions_ui.presenters.tool_calls import ToolBook, approval_ids

RUN_NOT_FOUND = "There is no such run in this session."


@dataclass(frozen=True)
class FetchedRun:
    """The session's row brought up to date, the run's row and the run; `stored` is the run it is or is inside of."""

    session: CatalogSession
    row: CatalogRun
    run: Run | BadRun
    stored: Run | BadRun
    reader: Reader


def reader_of(session: CatalogSession) -> Reader:
    """Return a reader of the session's source, which masks secrets unless who asked for the row sees them.

    Raises:
        SourceUnavailable: the source is not configured any more.
    """
    try:
        source = get_source(session.source)
    except KeyError:
        raise SourceUnavailable(f"The source {session.source} is not configured any more.") from None
    return Reader(source) if session.shows_secrets else MaskedReader(source)


def fetch_run(session: CatalogSession, run_id: str) -> FetchedRun:
    """Read a run of a session that the user may see, by its id or `~<ordinal>`.

    Raises:
        Http404: the session or the run is not there (any more).
        SourceUnavailable: the source cannot be read, or is not configured any more.
    """
    reader = reader_of(session)
    current = refresh_session(reader.source, session.session_id)
    if current is None:
        raise Http404(SESSION_NOT_FOUND)
    row = find_run(current, run_id)
    if row is None:
        raise Http404(RUN_NOT_FOUND)
    [stored] = reader.runs(current.session_id, [row.position])
    found = run_inside(stored, row)
    if found is None:  # the source changed between the catalog's look and this one
        raise Http404(RUN_NOT_FOUND)
    current.shows_secrets = session.shows_secrets
    return FetchedRun(current, row, found, stored, reader)


def tool_book(fetched: FetchedRun, run: Run) -> ToolBook:
    """Return the run's calls, with who decided on them where the source has a table of approvals.

    Raises:
        SourceUnavailable: the source cannot be read (any more).
    """
    ids = approval_ids(run)
    return ToolBook(run, fetched.reader.approvals(fetched.session.session_id, ids) if ids else None)


def run_inside(stored: Run | BadRun, row: CatalogRun) -> Run | BadRun | None:
    """Return the run of the row out of the stored run at its position: that one itself, or one embedded in it.

    None: it is not there (any more).
    """
    if isinstance(stored, BadRun):
        return stored
    runs = [node.run for node in walk(build_forest([stored])) if isinstance(node.run, Run)]
    if row.run_id is not None:
        return next((run for run in runs if run.run_id == row.run_id), None)
    unnamed = [run for run in runs if run.run_id is None]
    if row.stored:
        return stored if stored.run_id is None else None
    # Without ids only the order tells embedded runs apart.
    same = CatalogRun.objects.filter(session_id=row.session_id, position=row.position, run_id=None)
    return next(islice(unnamed, same.filter(ordinal__lt=row.ordinal).count(), None), None)
