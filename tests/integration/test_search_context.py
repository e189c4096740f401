"""The chosen hit in its surroundings, beside the hits: found again in its message, bounded, for whom it may be."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.sync import refresh_session, refresh_source
from agentos.catalog.text.extract import Part
from agentos.db.reader import Reader
from agentos.db.sources import Source, get_source
from sessions_ui.permissions import ON_HOLD
from sessions_ui.presenters.search_context import NOT_FOUND, Chosen
from tests.conftest import Person
from tests.corpus import write
from tests.factories import make_session
from tests.integration.test_session_page import ATTACKS, attack_everywhere

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    path: Path = corpus_file("agno-v3.db")
    refresh_source(sources(f"lab=sqlite:///{path}")[0])
    return path


def pane(person: Person, query: str, hit: str) -> str:
    """The pane alone, as htmx asks for it."""
    headers = {"HX-Target": "context", "HX-Request": "true"}
    response = person.client.get("/search/", {"q": query, "hit": hit}, headers=headers)
    assert response.status_code == 200
    html = str(response.content.decode())
    assert "<html" not in html and "Search</h1>" not in html
    return html


def data(person: Person, query: str, **more: str) -> Any:
    return person.client.get("/search/", {"q": query, "format": "json", **more}).json()


@pytest.mark.parametrize(
    "query", ["lisbon", "reply", "weather", "error", "日本語", '"get weather"', "draft or metric", "wri*"]
)
def test_every_hit_is_marked_in_its_surroundings(lab: Path, viewer: Person, query: str) -> None:
    hits = [hit for group in data(viewer, query, by="hit")["sessions"] for hit in group["hits"]]
    assert hits
    for hit in hits:
        html = pane(viewer, query, hit["hit"])
        assert hit["url"].replace("&", "&amp;") in html, hit
        if hit["found_in"] != "name":
            assert "<mark>" in html and "is-hit" in html, hit


def test_the_page_shows_the_chosen_hit_as_a_plain_link_does(lab: Path, viewer: Person) -> None:
    [group, *_] = data(viewer, "lisbon")["sessions"]
    hit = group["hits"][0]
    html = viewer.client.get("/search/", {"q": "lisbon", "hit": hit["hit"]}).content.decode()
    [link] = re.findall(r'<a class="hit" href="([^"]*)"[^>]*id="hit" aria-current="true"', html)
    assert link == f"/search/?q=lisbon&amp;{urlencode({'hit': hit['hit']})}#context" or link.startswith("?q=lisbon")
    assert "is-hit" in html and "In context" in html
    assert "Choose a hit" in viewer.client.get("/search/", {"q": "lisbon"}).content.decode()
    assert 'id="context"' not in viewer.client.get("/search/", {"q": "nonesuchword"}).content.decode()


def test_messages_before_and_after_and_the_runs_beside(lab: Path, viewer: Person) -> None:
    run = CatalogRun.objects.filter(depth=0, ordinal__gt=0, message_count__gt=1).exclude(kind="workflow").first()
    assert run is not None
    session = run.session
    stored = Reader(get_source("lab")).runs(session.session_id, [run.position])[0]
    place = next(at for at, message in enumerate(stored.messages, 1) if message.role == "user")  # type: ignore[union-attr]  # no BadRun
    hit = Chosen("lab", session.quoted_id, "user", run.quoted_id, place)
    around = data(viewer, "a", hit=str(hit))["context"]
    assert [one["is_hit"] for one in around["items"]].count(True) == 1
    assert around["items"][0]["message"] == place and around["run_id"] == run.run_id
    assert len(around["items"]) > 1 and around["is_first"] and around["is_last"]
    assert "The run before" in pane(viewer, "a", str(hit))


def test_long_runs_and_long_texts_stay_small(lab: Path, viewer: Person) -> None:
    words = "word " * 3_000
    said = [{"role": "user", "content": f"{words} needle{at} {words}", "id": f"m{at}"} for at in range(400)]
    run = CatalogRun.objects.filter(kind="agent", depth=0, stored=True).select_related("session").first()
    assert run is not None
    write(lab, "UPDATE agno_runs SET run_data = json_set(run_data, '$.messages', json(?)), updated_at = 1900000000"
          " WHERE run_id = ?", json.dumps(said), run.run_id)  # fmt: skip
    refresh_session(get_source("lab"), run.session.session_id)
    [group] = data(viewer, "needle200")["sessions"]
    html = pane(viewer, "needle200", group["hits"][0]["hit"])
    assert len(html) < 120_000 and "<mark>needle200</mark>" in html
    assert html.count('class="around') <= 14 and "Earlier messages" in html and "Later messages" in html
    assert "Cut: 30" in html


def test_of_the_session_itself(viewer: Person) -> None:
    text = "x " * 4_000 + "needle here"
    session = make_session(Part("state", None, '{"refund": 5}'), Part("summary", None, text), title="A refund")
    at = f"lab/{session.quoted_id}"
    assert "<mark>refund</mark>" in pane(viewer, "refund", f"{at}/state")
    assert f"/sessions/lab/{session.quoted_id}/?tab=state" in pane(viewer, "refund", f"{at}/state")
    html = pane(viewer, "needle", f"{at}/summary")
    assert "<mark>needle</mark>" in html and "A part of it." in html and "Show all" in html
    assert "not there any more" in pane(viewer, "needle", f"{at}/metadata")


def test_a_source_that_is_down_is_a_sentence(viewer: Person) -> None:
    session = make_session(title="Gone")
    assert "not configured" in pane(viewer, "a", f"lab/{session.quoted_id}/user/r/1")


def test_few_statements_and_nothing_is_searched_for_the_pane(lab: Path, viewer: Person) -> None:
    hit = data(viewer, "lisbon")["sessions"][0]["hits"][0]["hit"]
    with CaptureQueriesContext(connection) as asked:
        pane(viewer, "lisbon", hit)
    assert len(asked) <= 8, [query["sql"] for query in asked]


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_is_text(lab: Path, viewer: Person, attack: str) -> None:
    attack_everywhere(lab, attack)
    refresh_source(get_source("lab"))
    for kind in ("user", "answer", "tool_call", "tool_result", "reasoning", "run_name"):
        for place in ("", "/1", "/2", "/3"):
            html = pane(viewer, "alert or x or evil", f"lab/attacked/{kind}/r1{place}")
            assert 'class="around' in html
            for raw in ("<script>", "<img src=x", "<svg onload", "<a hx-get", 'src="https://evil', 'href="javascript:'):
                assert raw not in html
            shown = re.sub(r"<[^>]*>", "", html)
            assert "\u202e" not in shown and "\x1b" not in shown


@pytest.mark.parametrize(
    "hit",
    ["", "lab", "lab/x", "lab/x/user", "lab/x/user/y/1", "lab/x/nonsense/y", "a/b/c/d/e/f/g", "//user//",
     "lab/x/user/y/x", "lab/x/user/y/99999999999999999999", "lab/\0/user/y/1", "../../etc",
     "lab/x/user/~9999999999/1", "%"],
)  # fmt: skip
def test_bad_hits_are_no_error(lab: Path, viewer: Person, hit: str) -> None:
    html = pane(viewer, "lisbon", hit)
    assert NOT_FOUND in html or "Choose a hit" in html
    assert viewer.client.get("/search/", {"q": "lisbon", "hit": hit}).status_code == 200
    assert viewer.client.get("/search/", {"q": "(", "hit": hit}).status_code == 200


def test_what_is_not_there_any_more_is_not_found(lab: Path, viewer: Person) -> None:
    session = CatalogSession.objects.filter(run_count__gt=0).first()
    assert session is not None
    assert NOT_FOUND in pane(viewer, "a", f"lab/{session.quoted_id}/user/{quote('no-run')}/1")


class TestOwnership:
    def test_a_stranger_learns_nothing(self, lab: Path, owner: Person, stranger: Person, client: Any) -> None:
        run = CatalogRun.objects.filter(session__user_id="alice@example.com", depth=0).select_related("session").first()
        assert run is not None
        hit = f"lab/{run.session.quoted_id}/user/{run.quoted_id}/1"
        assert 'class="around' in pane(owner, "a", hit)
        assert pane(stranger, "a", hit) == pane(stranger, "a", "lab/nothing-like-it/user/x/1")
        assert data(stranger, "a", hit=hit)["context"] == {"problem": NOT_FOUND}
        assert client.get("/search/", {"q": "a", "hit": hit}).status_code == 302

    def test_what_is_on_hold_is_not_said(self, lab: Path, teammate: Person) -> None:
        run = CatalogRun.objects.filter(depth=0, message_count__gt=0).select_related("session").first()
        assert run is not None
        hit = f"lab/{run.session.quoted_id}/user/{run.quoted_id}/1"
        assert 'class="around' in pane(teammate, "a", hit)
        run.session.marks = {"held": True}
        run.session.save()
        html = pane(teammate, "a", hit)
        assert ON_HOLD in html and 'class="around' not in html
        assert teammate.client.get("/search/", {"q": "a", "hit": hit}).status_code == 200
