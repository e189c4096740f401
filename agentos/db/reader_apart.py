"""What Agno keeps beside sessions and runs: tool results held apart, and approvals. A source need not have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models.functions import Length, Substr

from agentos.db.connections import connection_for
from agentos.db.errors import TableMissing, faults_of
from agentos.db.models import FileRow, approval_model, file_models, tool_result_model
from agentos.db.source import Source

# Values of one `IN (…)`.
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Approval:
    """What became of a call that had to be allowed: `status` as Agno has it, by whom and when (unix seconds).

    `expires_at`: until when it can be decided; None for as long as one likes.
    """

    status: str
    resolved_by: str | None
    resolved_at: int | None
    expires_at: int | None = None


def result(source: Source, session_id: str, result_id: str, limit: int | None) -> tuple[str, int] | None:
    """Return the first `limit` characters of a result of this session, all for None, and how many it has."""
    place = _place(source, session_id, result_id)
    if place is None:
        return None
    texts = (_text(source, files, place, limit) for files in file_models(source))
    return next((text for text in texts if text is not None), None)


def _place(source: Source, session_id: str, result_id: str) -> tuple[str, str] | None:
    """Return namespace and path of a result. Its id stands in stored text, so it may be another session's."""
    try:
        with faults_of(source):
            connection_for(source)
            kept = tool_result_model(source)._default_manager.using(source.alias)
            found = kept.filter(result_id=result_id, session_id=session_id)
            return found.values_list("namespace", "path").first()
    except TableMissing:
        return None


def _text(source: Source, files: type[FileRow], place: tuple[str, str], limit: int | None) -> tuple[str, int] | None:
    try:
        with faults_of(source):
            rows = files._default_manager.using(source.alias).filter(namespace=place[0], path=place[1])
            text = "content" if limit is None else Substr("content", 1, limit)
            row: tuple[str, int] | None = rows.order_by("user_id").values_list(text, Length("content")).first()
            return row
    except TableMissing:
        return None


def approvals(source: Source, session_id: str, ids: Sequence[str]) -> dict[str, Approval]:
    """Return what became of those of these approvals that the session has, by id."""
    try:
        with faults_of(source):
            connection_for(source)
            rows = approval_model(source)._default_manager.using(source.alias)
            asked = rows.filter(session_id=session_id, id__in=ids[:_AT_ONCE])
            found = asked.values_list("id", "status", "resolved_by", "resolved_at", "expires_at")
            return {key: Approval(status or "", who, when, until) for key, status, who, when, until in found}
    except TableMissing:
        return {}
