"""A summary after a run, within it: its tokens are the run's, its fault is nobody's."""

from collections.abc import Generator
from typing import TYPE_CHECKING

from agentos.agents.component import OpenSession, logger
from agentos.agents.progress import Progress
from agentos.agents.summaries import SessionSummaryManager
from agentos.llm import ModelError
from agentos.records import NOT_HISTORY, RunOutputEvent, SessionSummary

if TYPE_CHECKING:
    from agentos.agents.options import ModelComponent


def summarise(
    component: "ModelComponent", opened: OpenSession, progress: Progress
) -> Generator[RunOutputEvent, None, SessionSummary | None]:
    """Yield the events of summing the session up, this run included; return the summary.

    A model that fails at it costs the summary, not the run: the earlier one stays.
    """
    manager = component.session_summary_manager or SessionSummaryManager()
    yield progress.event("SessionSummaryStarted")
    earlier = (
        component.db.last_runs(opened.session_id, manager.last_n_runs, skip_statuses=NOT_HISTORY)
        if component.db
        else []
    )
    try:
        made = manager.create_session_summary(
            [*earlier, progress.run()], model=progress.model, cancelled=progress.request.cancelled
        )
    except ModelError as error:
        logger.warning("The session %r could not be summed up: %s", opened.session_id, error)
        return None
    if made is None:
        return None
    summary, reply = made
    progress.count(reply, "session_summary_model", manager.model if not isinstance(manager.model, str | None) else None)
    yield progress.event("SessionSummaryCompleted", session_summary=summary.to_dict())
    return summary
