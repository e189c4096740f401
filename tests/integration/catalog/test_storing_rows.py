"""Rows that are written at once are the rows that saving each object writes."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from agentos.catalog.models import CatalogRun, CatalogSession, CatalogTerm
from agentos.catalog.storing_rows import insert

pytestmark = pytest.mark.django_db
ODD = "tab\tline\nback\\slash \\N \\. 'quote' \"double\" ünï 東京 %s {} ␀"


def a_session(number: int, **values: Any) -> CatalogSession:
    known: dict[str, Any] = {
        "source": "lab", "session_id": f"s{number}", "session_key": f"s{number}", "session_type": "agent",
        "title": ODD, "preview": "", "last_status": "", "mark": ODD,
    }  # fmt: skip
    return CatalogSession(**{**known, **values})


def stored(model: Any, **which: Any) -> list[dict[str, Any]]:
    left_out = {"id", "indexed_at", "session_id" if model is not CatalogSession else ""}
    rows = model.objects.filter(**which).order_by("pk").values()
    return [{name: value for name, value in row.items() if name not in left_out} for row in rows]


VARIED: list[dict[str, Any]] = [
    {},
    {"session_id": "nul\0 half\ud800 plain", "user_id": "\ufffe", "component_id": None, "component_name": None},
    {"topics": [ODD, "b"], "tool_calls_by_name": {ODD: 2**62, "x": 1}, "run_strip": [["ERROR", None], ["", 2**63 - 1]]},
    {"cost": 1e300, "duration": 0.1, "total_tokens": 2**63 - 1, "input_tokens": 0, "has_summary": True},
    {"title": "", "problem": ODD, "model": "", "run_count": 2**31 - 1, "updated_at": -5},
]


def test_sessions_equal_those_that_are_saved() -> None:
    one_by_one = [a_session(at, source="saved", **values) for at, values in enumerate(VARIED)]
    for row in one_by_one:
        row.save()
    at_once = [a_session(at, source="inserted", **values) for at, values in enumerate(VARIED)]
    began = timezone.now()
    insert(at_once)
    saved, inserted = stored(CatalogSession, source="saved"), stored(CatalogSession, source="inserted")
    assert [{**row, "source": ""} for row in inserted] == [{**row, "source": ""} for row in saved]
    assert [row.pk for row in at_once] == sorted({row.pk for row in CatalogSession.objects.filter(source="inserted")})
    assert all(row.indexed_at >= began for row in CatalogSession.objects.filter(source="inserted"))


def runs_of(session: CatalogSession) -> list[CatalogRun]:
    return [
        CatalogRun(
            session=session, ordinal=at, root_ordinal=0, position=at, kind="agent", status="ERROR", run_id="r\0",
            tool_names={ODD: at}, traits=["image"] * at, created_at=None, stored=bool(at % 2), input_preview=ODD,
            content_preview="", cost=None if at else 0.5,
        )
        for at in range(5)
    ]  # fmt: skip


def test_runs_and_terms_equal_those_that_are_saved() -> None:
    first, second = a_session(1), a_session(2)
    insert([first, second])
    CatalogRun.objects.bulk_create(runs_of(first))
    insert(runs_of(second))
    assert stored(CatalogRun, session=first) == stored(CatalogRun, session=second)
    insert([CatalogTerm(session=one, term=ODD, updated_at=0) for one in (first, second)])
    assert {term.term for term in CatalogTerm.objects.all()} == {ODD}


def test_keys_go_on_behind_everybody_elses() -> None:
    a_session(1).save()
    insert([a_session(2), a_session(3)])
    later = a_session(4)
    later.save()
    CatalogSession.objects.filter(pk=later.pk).delete()
    last = a_session(5)
    insert([last])
    assert last.pk > later.pk
    insert([])


def test_what_is_stored_already_is_refused_as_a_whole() -> None:
    a_session(1).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        insert([a_session(2), a_session(1)])
    assert CatalogSession.objects.count() == 1
