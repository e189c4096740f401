"""Deciding on rows of `agno_approvals` as Agno does: only a pending one, so that of two who decide one is first."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections

from agentos.db.connections import table_name
from agentos.db.source import Source
from agentos.db.writer_errors import NotPending
from agentos.db.writer_json import clean, clean_text


@dataclass(frozen=True)
class Resolution:
    """What somebody decides: `status` is approved or rejected; `data` as Agno's API takes it (note, values, result)."""

    status: str
    by: str
    data: Mapping[str, Any]


def resolve(source: Source, session_id: str, decisions: Mapping[str, Resolution], now: int) -> None:
    """Write decisions by the approvals' ids; the caller holds the transaction, so all of them are written or none.

    Raises:
        NotPending: one is decided already, or not of this session.
    """
    table = table_name(source, "agno_approvals")
    with connections[source.alias].cursor() as cursor:
        for approval_id, decided in decisions.items():
            data = json.dumps(clean(dict(decided.data), source.vendor)) if decided.data else None
            cursor.execute(
                f"""UPDATE {table} SET status = %s, resolved_by = %s, resolved_at = %s, updated_at = %s,
                resolution_data = %s WHERE id = %s AND session_id = %s AND status = 'pending'""",
                [decided.status, clean_text(decided.by, source.vendor), now, now, data, approval_id, session_id],
            )
            if cursor.rowcount:
                continue
            cursor.execute(f"SELECT status FROM {table} WHERE id = %s AND session_id = %s", [approval_id, session_id])
            row = cursor.fetchone()
            raise NotPending(approval_id, str(row[0]) if row else "")


def follow(source: Source, session_id: str, run_ids: Sequence[str], status: str, now: int) -> None:
    """Write what became of runs into their approvals, as Agno does once it has gone on with them."""
    marks = ", ".join(["%s"] * len(run_ids))
    with connections[source.alias].cursor() as cursor:
        cursor.execute(
            f"""UPDATE {table_name(source, "agno_approvals")} SET run_status = %s, updated_at = %s
            WHERE session_id = %s AND run_id IN ({marks})""",
            [status, now, session_id, *run_ids],
        )
