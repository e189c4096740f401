"""The list of sessions: what it shows, how it is narrowed, sorted and paged, and that it reads no payload."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog.models import CatalogSession, SourceState
from agentos.catalog.sync import refresh_source
from agentos.db.connections import connection_for
from agentos.db.sources import Source, get_source
from tests.conftest import Person

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]
PAYLOADS = ("run_data", "session_data", "agent_data", "team_data", "workflow_data", '"runs"', '"summary"')


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    path: Path = corpus_file("agno-v3.db")
    refresh_source(sources(f"lab=sqlite:///{path}")[0])
    return path


def listed(person: Person, **query: Any) -> list[str]:
    data = person.client.get("/sessions/", query | {"format": "json"}).json()
    return [row["session_id"] for row in data["sessions"]]


def test_shows_what_there_is_to_know_of_each(lab: Path, viewer: Person) -> None:
    html = viewer.client.get("/sessions/", {"sort": "created"}).content.decode()

    assert "Lisbon weekend 🇵🇹" in html
    assert "Trip Planner" in html and "alice@example.com" in html and "4,885" in html
    assert html.count("data-row") == 50 and 'rel="next"' in html


def test_every_session_is_listed_once_over_the_pages(lab: Path, viewer: Person) -> None:
    for sort in ("-updated", "updated", "-tokens", "tokens", "title", "-runs", "user", "-cost", "duration", "-errors"):
        seen: list[str] = []
        after: str | None = ""
        while after is not None:
            data = viewer.client.get("/sessions/", {"sort": sort, "after": after, "format": "json"}).json()
            seen += [row["session_id"] for row in data["sessions"]]
            after = data["next"]
        assert len(seen) == len(set(seen)) == CatalogSession.objects.count()


def test_filters_narrow_it_and_stand_in_the_url(lab: Path, viewer: Person) -> None:
    assert len(listed(viewer, type="team")) == len(listed(viewer, type=["team", "agent"])) - len(
        listed(viewer, type="agent")
    )
    bobs = CatalogSession.objects.filter(session_id__in=listed(viewer, user="bob"))
    assert {row.user_id for row in bobs} == {"bob"}
    assert "wf-failed" in listed(viewer, status="ERROR")
    assert listed(viewer, q="lisbon weekend") == ["5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001"]
    assert listed(viewer, component="trip-planner", user="nobody") == []
    html = viewer.client.get("/sessions/", {"user": "bob", "type": "team"}).content.decode()
    assert "Remove the filter user bob" in html and "Remove the filter type team" in html


def test_nothing_found_names_what_to_drop(lab: Path, viewer: Person) -> None:
    html = viewer.client.get("/sessions/", {"q": "no such words anywhere"}).content.decode()
    assert "No session matches" in html and "no such words anywhere" in html


@pytest.mark.parametrize(
    "query",
    [
        {"type": "x' OR 1=1--"}, {"since": "forever"}, {"from": "yesterday"}, {"sort": "user__password"},
        {"after": "abc"}, {"user": "\x00"}, {"q": "%_\\"}, {"status": ["a"] * 500},
        {"component": "x" * 9000}, {"_connector": "OR"},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_no_error(query: dict[str, Any], lab: Path, viewer: Person) -> None:
    assert viewer.client.get("/sessions/", query).status_code == 200
    assert viewer.client.get("/sessions/", query | {"format": "json"}).status_code == 200


def test_reads_no_payload_and_takes_few_statements(lab: Path, viewer: Person) -> None:
    viewer.client.get("/sessions/")
    with CaptureQueriesContext(connection) as own, CaptureQueriesContext(connection_for(get_source("lab"))) as foreign:
        viewer.client.get("/sessions/")

    assert list(foreign) == []
    lists = [query["sql"] for query in own if '"catalog_' in query["sql"]]
    assert lists and not [sql for sql in lists for name in PAYLOADS if name in sql]
    assert not [query for query in own if "tool_calls_by_name" in query["sql"] or '"topics"' in query["sql"]]
    assert len(own) <= 12


def test_a_new_session_is_there_at_the_next_look(lab: Path, viewer: Person) -> None:
    viewer.client.get("/sessions/")
    SourceState.objects.update(checked_at=None)
    with sqlite3.connect(lab) as database:
        database.execute(
            "INSERT INTO agno_sessions (session_id, session_type, created_at) VALUES ('fresh', 'agent', 1790000000)"
        )
    database.close()

    assert "fresh" in listed(viewer)


def test_one_source_that_is_down_leaves_the_others(
    sources: Open, corpus_file: Callable[[str], Path], viewer: Person
) -> None:
    sources(f"gone=sqlite:////nowhere/agno.db, lab=sqlite:///{corpus_file('agno-v3.db')}")
    html = viewer.client.get("/sessions/", {"sort": "created"}).content.decode()

    assert "gone" in html and 'role="alert"' in html
    assert "Lisbon weekend" in html


def test_a_source_being_indexed_says_how_far_it_is(lab: Path, viewer: Person) -> None:
    from django.utils import timezone

    SourceState.objects.update(
        full_pass_at=None, session_count=100, indexed_count=54, leased_until=timezone.now().replace(year=2099)
    )
    html = viewer.client.get("/sessions/").content.decode()

    assert "indexed 54 of 100" in html


def test_no_source_and_no_sessions_say_what_to_do(sources: Open, viewer: Person) -> None:
    assert "make up DB=" in viewer.client.get("/sessions/").content.decode()


def test_the_fragment_is_the_list_alone(lab: Path, viewer: Person) -> None:
    part = viewer.client.get("/sessions/", headers={"HX-Request": "true", "HX-Target": "list"}).content
    assert b"<html" not in part and b'id="list"' in part


class TestOwnership:
    """Nobody learns of sessions that are not theirs: not by the list, nor by a count beside it."""

    def test_a_bound_user_sees_their_own_alone(self, lab: Path, owner: Person) -> None:
        rows = CatalogSession.objects.filter(session_id__in=listed(owner))
        assert {row.user_id for row in rows} == {"alice@example.com"}
        html = owner.client.get("/sessions/").content.decode()
        assert "bob" not in html

    def test_a_stranger_sees_nothing(self, lab: Path, stranger: Person) -> None:
        assert listed(stranger) == [] and listed(stranger, user="alice@example.com") == []

    def test_nobody_signed_in_is_sent_to_sign_in(self, lab: Path, client: Any) -> None:
        assert client.get("/sessions/").status_code == 302
        assert client.get("/sessions/", headers={"Accept": "application/json"}).status_code == 401


def test_the_questions_most_often_asked_say_how_many_they_find(lab: Path, viewer: Person) -> None:
    def counts(**query: str) -> list[tuple[str, str]]:
        page = viewer.client.get("/sessions/", query).content.decode()
        found = re.search(r'<nav class="views".*?</nav>', page, re.DOTALL)
        assert found
        return re.findall(r">([A-Z][a-z ]+?)(?: <span class=\"n\">([\d,+]+)</span>)?</a>", found[0])

    every, person, errors, running = counts()
    assert int(every[1]) == CatalogSession.objects.count()
    for (_, count), status in zip((person, errors, running), ("PAUSED", "ERROR", "RUNNING"), strict=True):
        assert int(count) == CatalogSession.objects.filter(last_status=status).count()
    assert counts(q="status:error")[1:] == [person, errors, running]
    assert [count for _, count in counts(q="user:bob")] == ["", "", "", ""]
