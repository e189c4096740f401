"""The State tab: the state after any run and what changed between any two, of which no others are read."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog.sync import refresh_source
from agentos.db.connections import connection_for
from agentos.db.sources import Source, get_source
from sessions_ui.presenters.session_state import SessionState
from tests.conftest import PG_DUMPS, SQLITE_FILES, Person
from tests.corpus import texts, write
from tests.integration.test_run_page import ATTACKS, row_of, store
from tests.integration.test_session_page import url

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]
STATEFUL = "5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001"


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    path: Path = corpus_file("agno-v3.db")
    refresh_source(sources(f"lab=sqlite:///{path}")[0])
    return path


def opened(person: Person, session_id: str, **query: Any) -> tuple[SessionState, str]:
    page = person.client.get(url(session_id), {"tab": "state", **query})
    assert page.status_code == 200, (session_id, query)
    found: SessionState = page.context["page"].state
    return found, re.sub(r"\s+", " ", page.content.decode())


def changed(found: SessionState) -> list[str]:
    signs = {"before": "-", "after": "+"}
    return [signs[line.kind] + "".join(part.text for part in line.parts) for line in found.changes.lines]


def stored(path: Path, session_id: str, *states: Any, now: Any = None) -> None:
    """A session of runs that left these states behind; None for none."""
    runs = [
        {"run_id": f"{session_id}-{at}", "agent_id": "a", "status": "COMPLETED", "created_at": 1_790_000_000 + at}
        | ({} if state is None else {"session_state": state})
        for at, state in enumerate(states)
    ]
    store(path, session_id, *(json.dumps(run) for run in runs))
    if now is not None:
        data = json.dumps({"session_state": now})
        write(path, "UPDATE agno_sessions SET session_data = ? WHERE session_id = ?", data, session_id)
    refresh_source(get_source("lab"))


def test_any_two_runs_are_compared(lab: Path, viewer: Person) -> None:
    found, html = opened(viewer, STATEFUL, to="2")
    assert found.to.number == 2 and found.since is not None and found.since.number == 1
    assert changed(found) == ['+budget: {"amount": 640.0, "currency": "EUR"}', "+history: [640.0]"]
    assert "After run 2" in html and "2 places" in html
    back, _ = opened(viewer, STATEFUL, **{"from": "3", "to": "1"})
    assert changed(back) == ['-budget: {"amount": 640.0, "currency": "EUR"}', "-history: [640.0]"]
    by_id, _ = opened(viewer, STATEFUL, **{"from": row_of(STATEFUL, depth=0).quoted_id, "to": "now"})
    assert by_id.since is not None and by_id.since.number == 1 and by_id.to.run is None and by_id.changes.count == 2


def test_the_last_run_is_shown_first_and_what_the_session_holds_now_beside_it(lab: Path, viewer: Person) -> None:
    stored(lab, "stateful", {"a": 1}, {"a": 2, "b": [1]}, now={"a": 3, "b": [1]})
    found, html = opened(viewer, "stateful")
    assert found.to.number == 2 and changed(found) == ["-a: 1", "+a: 2", "+b: [1]"]
    assert found.differs_now and "The session holds something else now." in html
    now, _ = opened(viewer, "stateful", to="now")
    assert changed(now) == ["-a: 2", "+a: 3"] and now.previous == "2"
    write(lab, "UPDATE agno_sessions SET session_data = ? WHERE session_id = 'stateful'",
          json.dumps({"session_state": {"b": [1], "a": 2}}))  # fmt: skip
    assert opened(viewer, "stateful")[0].differs_now is False


def test_what_is_not_stored_is_said(lab: Path, viewer: Person) -> None:
    stored(lab, "gaps", {"a": 1}, None, {"a": 2}, {})
    found, html = opened(viewer, "gaps", to="3")
    assert not found.is_compared and "Run 2 stored no state." in html and "What changed is not known." in html
    assert changed(opened(viewer, "gaps", **{"from": "1", "to": "3"})[0]) == ["-a: 1", "+a: 2"]
    assert "Empty." in opened(viewer, "gaps", to="4")[1]
    # Where the last run stored none, what the session holds is shown.
    stored(lab, "silent", {"a": 1}, None, now={"a": 9})
    silent, html = opened(viewer, "silent")
    assert silent.to.run is None and silent.to.state == {"a": 9} and "Run 2 stored no state." in html
    workflow, html = opened(viewer, "wf-everything")
    assert workflow.to.run is None and "Agno stores none with the run of a workflow" in html
    stored(lab, "without-runs", now={"a": 1})
    empty, html = opened(viewer, "without-runs")
    assert empty.total == 0 and empty.to.state == {"a": 1} and "state-choice" not in html


def test_what_agno_sets_for_the_time_of_a_run_is_left_out(lab: Path, viewer: Person) -> None:
    member = row_of("team-coordinate", depth=1)
    found, html = opened(viewer, "team-coordinate", to=member.quoted_id)
    assert found.to.state == {"edition": 1} and "3 keys that Agno sets for the time of a run are left out." in html
    assert found.to.number is None and "After a run inside another" in html


def test_a_run_that_is_not_there_or_cannot_be_read(lab: Path, viewer: Person) -> None:
    for asked in ("99", "0", "no-such", "<script>alert(1)</script>", "~999", "-1", "\u0665"):
        found, html = opened(viewer, STATEFUL, to=asked)
        assert found.lost == (asked,) and "There is no run" in html and "<script>alert" not in html
    stored(lab, "bad", {"a": 1}, {"a": 2})
    write(lab, "UPDATE agno_runs SET run_data = '{trunc' WHERE run_id = 'bad-1'")
    assert "The run cannot be read." in opened(viewer, "bad", to="2")[1]
    write(lab, "UPDATE agno_sessions SET session_data = ? WHERE session_id = 'bad'", '{"session_state": [1]}')
    assert opened(viewer, "bad", to="now")[0].to.state is None


def test_runs_that_were_not_chosen_are_not_read(lab: Path, viewer: Person) -> None:
    stored(lab, "chosen", *({"at": at, "word": f"needle{at}"} for at in range(12)))
    viewer.client.get(url("chosen"), {"tab": "state"})
    source = connection_for(get_source("lab"))
    headers = {"HX-Target": "inspector", "HX-Request": "true"}
    with CaptureQueriesContext(connection) as own, CaptureQueriesContext(source) as foreign:
        page = viewer.client.get(url("chosen"), {"tab": "state", "from": "3", "to": "8"}, headers=headers)
    assert page.content.decode().lstrip().startswith("<section")
    reads = [query["sql"] for query in foreign if "run_data" in query["sql"] and "chosen-" in query["sql"]]
    assert len(reads) == 1 and {"chosen-2", "chosen-7"} == set(re.findall(r"chosen-\d+", reads[0]))
    assert len(own) + len(foreign) <= 15


def test_a_large_run_is_read_when_it_is_asked_for(lab: Path, viewer: Person) -> None:
    big = {"a": 1, "text": "x" * 4_500_000}
    stored(lab, "large", big, {"a": 2})
    found, html = opened(viewer, "large")
    assert found.since is not None and found.since.unread and "compare them" in html
    asked, html = opened(viewer, "large", **{"from": "1", "to": "2"})
    assert asked.is_compared and changed(asked)[:2] == ["-a: 1", "+a: 2"] and "4,500,002 characters" in html
    assert len(html) < 300_000


@pytest.mark.parametrize("shape", ["keys", "strings", "deep", "markup", "unseen"])
def test_a_huge_state_stays_within_the_page(shape: str, lab: Path, viewer: Person) -> None:
    shapes: dict[str, Callable[[], Any]] = {
        "keys": lambda: {f"k{at}": {"n": at, "list": [at] * 3} for at in range(50_000)},
        "strings": lambda: {f"k{at}": "word " * 2_000 for at in range(400)},
        "deep": lambda: json.loads('{"a":' * 200 + "1" + "}" * 200),
        "markup": lambda: {f"<b>&{at}": "<\u202e&\"'>" * 300 for at in range(300)},
        "unseen": lambda: {f"{at}" + "\u202e" * 150: "\u202e" * 400 for at in range(300)},
    }
    state = shapes[shape]()
    stored(lab, "huge", {"k1": 0}, state, now=state)
    for query in ({}, {"from": "1", "to": "2"}, {"to": "now"}):
        page = viewer.client.get(url("huge"), {"tab": "state", **query})
        assert page.status_code == 200
        assert len(page.content) <= 300_000, query
        assert len(re.findall(rb"<[a-zA-Z]", page.content)) <= 5_000, query


@pytest.mark.parametrize("attack", ATTACKS)
def test_stored_text_never_becomes_markup(attack: str, lab: Path, viewer: Person) -> None:
    stored(lab, "attacked", {attack: attack}, {attack: [attack, {attack: 1}]}, now={attack: attack})
    for query in ({}, {"to": "now"}, {"from": "1", "to": "2"}):
        html = opened(viewer, "attacked", **query)[1]
        lowered = html.lower()
        assert "<script>" not in lowered and "<img" not in lowered and "<svg onload" not in lowered
        assert 'href="javascript' not in lowered and "\x00" not in html and "\x1b" not in html
        assert "\u202e" not in re.sub("<[^>]*>", "", html.partition("</title>")[2])


@pytest.mark.parametrize("name", [*SQLITE_FILES, *PG_DUMPS])
def test_every_state_of_the_corpus_is_shown(
    name: str, manifest: dict[str, Any], sources: Open, corpus_file: Any, pg_corpus: Any, viewer: Person
) -> None:
    at = pg_corpus(name) if name in PG_DUMPS else f"sqlite:///{corpus_file(name)}"
    for source_name, text, expected in texts(name, at, manifest[name]["sessions"]):
        refresh_source(sources(text)[0])
        for session in expected:
            found, _ = opened_at(viewer, url(session["session_id"], source_name), to="now")
            assert (found.to.state or {}) == (session["session_state"] or {})
            for number in range(1, found.total + 1):
                opened_at(viewer, url(session["session_id"], source_name), to=str(number))


def opened_at(person: Person, address: str, **query: Any) -> tuple[SessionState, str]:
    page = person.client.get(address, {"tab": "state", **query}, headers={"HX-Target": "inspector"})
    assert page.status_code == 200, (address, query)
    found: SessionState = page.context["page"].state
    return found, page.content.decode()


def test_it_is_data_as_well(lab: Path, viewer: Person) -> None:
    query = {"tab": "state", "from": "1", "to": "2", "format": "json"}
    state = viewer.client.get(url(STATEFUL), query).json()["state"]
    assert (state["from"], state["to"], state["changed"], state["compared"]) == ("1", "2", 2, True)
    assert state["state"]["history"] == [640.0] and state["before"] == {"stage": "start"}


def test_it_is_shown_to_those_alone_who_may_see_the_session(
    lab: Path, owner: Person, stranger: Person, client: Any
) -> None:
    address = url(STATEFUL)
    assert stranger.client.get(address, {"tab": "state", "to": "1"}).status_code == 404
    assert client.get(address, {"tab": "state"}).status_code in (302, 401)
    seen = owner.client.get(address, {"tab": "state"}).status_code
    assert seen == owner.client.get(address).status_code
