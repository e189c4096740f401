"""A comparison as data: what its page shows, for programs."""

from typing import Any

from sessions_ui.presenters.compare_page import Comparison
from sessions_ui.presenters.compare_rows import Cell, Row
from sessions_ui.presenters.compare_sides import Side


def comparison_data(page: Comparison) -> dict[str, Any]:
    """Return the numbers, and the rows of the window with the addresses of what is beside it."""
    return {
        "a": _side(page.a),
        "b": _side(page.b),
        "numbers": [{"name": one.label, "a": one.a, "b": one.b, "unit": one.kind} for one in page.numbers],
        "settings": [{"name": one.label, "a": one.a or None, "b": one.b or None} for one in page.settings],
        "state_changes": page.state.count if all(page.has_states) else None,
        "turns": {"both": page.both, "only_a": page.only_a, "only_b": page.only_b, "not_aligned": page.beyond},
        "passed": page.passed,
        "rows": [
            {"a_number": turn.pair.a.number if turn.pair.a else None,
             "b_number": turn.pair.b.number if turn.pair.b else None} | _row(row)
            for turn in page.turns
            for row in turn.rows
        ],
        "before": None if page.before is None else str(page.before),
        "after": None if page.after is None else str(page.after),
    }  # fmt: skip


def _side(side: Side) -> dict[str, Any]:
    return {
        "address": str(side.address),
        "source": side.session.source,
        "session_id": side.session.session_id,
        "run_id": side.run.run_id if side.run is not None else None,
        "title": side.session.title,
    }


def _row(row: Row) -> dict[str, Any]:
    return {"verdict": row.verdict, "differs": row.what, "a": _cell(row.a), "b": _cell(row.b)}


def _cell(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    run = cell.run
    return {
        "kind": cell.kind,
        "answered_by": cell.by.answered or None,
        "asked_by": cell.by.asked or None,
        "run_id": run.run_id if run is not None else None,
        "text": "".join(part.text for part in cell.parts),
        "characters": cell.total,
        "changed": [part.text for part in cell.parts if part.is_changed],
        "calls": [
            {
                "name": call.name,
                "arguments": call.brief,
                "status": call.status,
                "duration": call.duration,
                "differs": call.mark,
            }
            for call in cell.calls
        ],
        "calls_left_out": cell.calls_left_out,
        "duration": run.duration if run is not None else None,
        "total_tokens": run.total_tokens if run is not None else None,
        "cost": run.cost if run is not None else None,
        "problem": cell.problem or None,
    }
