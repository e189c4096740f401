"""Rows of the catalog, made without a source."""

import itertools
from typing import Any

from agentos.catalog.keys import clean, index_key
from agentos.catalog.models import CatalogSession, CatalogTerm
from agentos.catalog.terms import terms_of
from agentos.catalog.text.extract import Part
from agentos.catalog.text.store import Texts, write
from agentos.records import Session

_numbers = itertools.count(1)


def make_session(*texts: Part, **values: Any) -> CatalogSession:
    """Store a session of source "lab" with one completed agent run, but for what `values` say, and texts of its own."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "source": "lab",
        "session_id": f"session-{number}",
        "session_type": "agent",
        "component_id": "trip-planner",
        "component_name": "Trip Planner",
        "user_id": "alice@example.com",
        "title": f"Session {number}",
        "preview": "",
        "last_status": "COMPLETED",
        "created_at": 1_790_000_000 + number,
        "updated_at": 1_790_000_000 + number,
        "run_count": 1,
        "top_level_run_count": 1,
        "total_tokens": 100,
        "run_strip": [["COMPLETED", 100]],
        "mark": "made for a test",
    }
    row = {**defaults, **values}
    row["session_key"] = index_key(row["session_id"])
    row["user_key"] = None if row["user_id"] is None else index_key(row["user_id"])
    row["component_key"] = None if row["component_id"] is None else index_key(row["component_id"])
    session = CatalogSession.objects.create(**row)
    names = (session.title, session.session_id, session.user_id, session.component_name, session.component_id)
    named = [Part("name", None, clean("\n".join(filter(None, names))))]
    write([Texts(session.pk, None, session.updated_at, [*named, *texts])])
    add_terms(session)
    return session


def add_terms(row: CatalogSession, *terms: str) -> None:
    """Store the terms that follow from a row and its runs, and `terms`."""
    names = ("tool_calls_by_name", "topics", "tags", "health", "model", "has_summary")
    values = {name: getattr(row, name) for name in names}
    found = terms_of(Session.from_dict({}), row.runs.all(), values) | {*terms}
    if row.error_count:
        found.add("has:error")
    CatalogTerm.objects.bulk_create(
        (CatalogTerm(session=row, term=term, updated_at=row.updated_at) for term in found), ignore_conflicts=True
    )
