"""The page of one tool call: its arguments and result, as far as a page can hold them, and how to copy the call."""

from dataclasses import dataclass, field
from typing import Any

from agentos.catalog.models import CatalogRun
from agentos.records import Run, ToolCall, readable
from sessions_ui.presenters.budget import Budget
from sessions_ui.presenters.call_forms import Form, forms_of
from sessions_ui.presenters.contents import Content, content_of
from sessions_ui.presenters.fetched_run import FetchedRun, tool_book
from sessions_ui.presenters.tool_calls import ToolBook, ToolView

PAGE_TEXT, EACH_TEXT, NODES = 400_000, 200_000, 1_500
PARTS = ("arguments", "result")


@dataclass(frozen=True)
class ToolCallPage:
    """What the page shows. `apart`: the whole result when it is held apart, None when its text is not there."""

    row: CatalogRun
    call: ToolCall
    view: ToolView
    total: int
    forms: list[Form] = field(default_factory=list)
    apart: Content | None = None
    began: float | None = None


def call_of(fetched: FetchedRun, number: int) -> tuple[ToolBook, ToolCall] | None:
    """Return a call of the run by its number and all of them, None when there is none of this number."""
    if not isinstance(fetched.run, Run):
        return None
    book = tool_book(fetched, fetched.run)
    return (book, book.calls[number]) if number < len(book.calls) else None


def tool_call_page(fetched: FetchedRun, book: ToolBook, call: ToolCall) -> ToolCallPage:
    """Return what the page shows of a call.

    Raises:
        SourceUnavailable: the source cannot be read (any more).
    """
    budget = Budget(PAGE_TEXT, EACH_TEXT, folded=EACH_TEXT, nodes=NODES)
    apart = _apart(fetched, call, EACH_TEXT + 1)
    metrics = call.execution.metrics if call.execution else None
    return ToolCallPage(
        row=fetched.row,
        call=call,
        view=book.view(call, budget),
        total=len(book.calls),
        forms=forms_of(call),
        apart=None if apart is None else content_of(apart, budget),
        began=metrics.start_time if metrics else None,
    )


def whole_text(fetched: FetchedRun, call: ToolCall, part: str) -> str | None:
    """Return all of a part of a call: the result from where it is held apart. None for no such part, or none stored."""
    if part == "arguments":
        return readable(call.arguments)
    if part != "result":
        return None
    whole = _apart(fetched, call, None)
    result = call.result if whole is None else whole
    return None if result is None else readable(result)


def call_data(fetched: FetchedRun, call: ToolCall) -> dict[str, Any]:
    """Return a call as data: what its three places say of it, as stored."""
    return {
        "id": call.id,
        "name": call.name,
        "status": str(call.status),
        "arguments": readable(call.arguments),
        "result": whole_text(fetched, call, "result"),
        "duration": call.duration,
        "created_at": call.created_at,
        "run_id": fetched.row.run_id,
        "session_id": fetched.session.session_id,
        "source": fetched.session.source,
    }


def _apart(fetched: FetchedRun, call: ToolCall, limit: int | None) -> str | None:
    """Return the result that is held apart, None when it is here or nowhere."""
    if call.held_apart is None:
        return None
    found = fetched.reader.held_apart(fetched.session.session_id, call.held_apart.result_id, limit)
    return None if found is None else found[0]
