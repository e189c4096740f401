"""A session in three views: every run in each of them once, links to any place, what is found, errors in turn."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.connections import connection_for
from agentos.db.sources import Source, get_source
from sessions_ui.presenters.session_views import SessionView
from tests.conftest import PG_DUMPS, SQLITE_FILES, Person
from tests.corpus import texts, write
from tests.integration.test_session_page import ATTACKS, attack_everywhere, url

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]
VIEWS = ("conversation", "timeline", "log")


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    path: Path = corpus_file("agno-v3.db")
    refresh_source(sources(f"lab=sqlite:///{path}")[0])
    return path


def opened(person: Person, address: str, **query: Any) -> SessionView:
    page = person.client.get(address, query)
    assert page.status_code == 200, (address, query)
    view: SessionView = page.context["page"].view
    return view


def pages(person: Person, address: str, view: str) -> Iterator[SessionView]:
    """Every window of a view, from the newest to the oldest."""
    shown = opened(person, address, view=view)
    yield shown
    for _ in range(200):
        if shown.older is None:
            return
        shown = opened(person, address, view=view, before=shown.older)
        yield shown
    raise AssertionError("The windows do not end.")


def runs_of(view: SessionView) -> list[int]:
    """The ordinals of the runs that a view shows."""
    if view.timeline is not None:
        return [row.line.run.ordinal for row in view.timeline.rows if row.line.kind == "run"]
    if view.log is not None:
        return [run.row.ordinal for run in view.log.runs]
    return [row.ordinal for run in view.runs for row in (run.row, *run.below)]


@pytest.mark.parametrize("name", [*SQLITE_FILES, *PG_DUMPS])
def test_every_view_shows_every_run_of_the_corpus_once(
    name: str,
    manifest: dict[str, Any],
    sources: Open,
    corpus_file: Callable[[str], Path],
    pg_corpus: Callable[[str], str],
    viewer: Person,
) -> None:
    at = pg_corpus(name) if name in PG_DUMPS else f"sqlite:///{corpus_file(name)}"
    for source, text, expected in texts(name, at, manifest[name]["sessions"]):
        refresh_source(sources(text)[0])
        for session in expected:
            row = CatalogSession.objects.one(source, session["session_id"])
            assert row is not None
            ordinals = sorted(row.runs.values_list("ordinal", flat=True))
            for view in VIEWS:
                seen = [runs_of(page) for page in pages(viewer, url(session["session_id"], source), view)]
                found = sorted(ordinal for page in seen for ordinal in page)
                if view == "log":  # a run that is cut by the end of a page goes on on the next one
                    found = sorted(set(found))
                assert found == ordinals, (session["session_id"], view)


def test_the_log_has_every_message_once_and_in_order(lab: Path, viewer: Person) -> None:
    for session_id in ("many-runs", "tools-trouble-01", "wf-everything", "team-nested-embedded"):
        row = CatalogSession.objects.one("lab", session_id)
        assert row is not None
        found: list[tuple[int, int]] = []
        for page in pages(viewer, url(session_id), "log"):
            assert page.log is not None
            lines = [(run.row.ordinal, line.place) for run in page.log.runs for line in run.lines if line.anchor]
            found = lines + found
        assert found == sorted(set(found))
        assert len(found) == sum(row.runs.values_list("own_message_count", flat=True))


def test_windows_lead_forward_as_they_lead_back(lab: Path, viewer: Person) -> None:
    for view in VIEWS:
        back = [runs_of(page) for page in pages(viewer, url("many-runs"), view)]
        shown = opened(viewer, url("many-runs"), view=view, before="1")
        forward = [runs_of(shown)]
        while shown.newer is not None:
            shown = opened(viewer, url("many-runs"), view=view, after=shown.newer)
            forward.append(runs_of(shown))
        assert {run for page in forward for run in page} == {run for page in back for run in page}


@pytest.mark.parametrize("view", VIEWS)
def test_a_link_opens_the_window_of_its_run_and_marks_it(view: str, lab: Path, viewer: Person) -> None:
    row = CatalogSession.objects.one("lab", "many-runs")
    assert row is not None
    for run in row.runs.filter(depth=0)[:3]:
        page = viewer.client.get(url("many-runs"), {"view": view, "run": run.quoted_id})
        assert run.ordinal in runs_of(page.context["page"].view)
        html = page.content.decode()
        assert html.count('id="here"') == 1 and "is-marked" in html


def test_every_link_of_a_page_leads_to_what_it_names(lab: Path, viewer: Person) -> None:
    for session_id in ("tools-trouble-01", "team-nested-plain", "wf-everything"):
        for view in VIEWS:
            html = viewer.client.get(url(session_id), {"view": view}).content.decode()
            for link in set(re.findall(r'href="(\?[^"]*run=[^"]*)" data-permalink', html)):
                parts = urlsplit(link.replace("&amp;", "&"))
                target = viewer.client.get(url(session_id) + "?" + parts.query).content.decode()
                assert f'id="{parts.fragment}"' in target, (session_id, link)
                assert target.count('id="here"') == 1, (session_id, link)


def test_bars_lead_to_a_page_that_marks_a_place(lab: Path, viewer: Person) -> None:
    for session_id in ("tools-trouble-01", "team-nested-plain", "wf-everything", "hitl-confirmation"):
        view = opened(viewer, url(session_id), view="timeline")
        assert view.timeline is not None
        for row in view.timeline.rows:
            page = viewer.client.get(row.url)
            assert page.status_code == 200, row
            assert "#here" not in row.url or b'id="here"' in page.content, row


def test_a_run_that_is_not_there_is_said_to_be_none(lab: Path, viewer: Person) -> None:
    page = viewer.client.get(url("tools-trouble-01"), {"run": "nothing"})
    assert "There is no such run in this session" in page.content.decode()
    assert runs_of(page.context["page"].view) == [0, 1, 2, 3, 4]


class TestFinding:
    def test_goes_through_every_place_and_back(self, lab: Path, viewer: Person) -> None:
        view = opened(viewer, url("tools-trouble-01"), find="page")
        assert view.found is not None and view.found.runs == [0] and view.found.total == 3
        places = [view.found.spot]
        while view.found is not None and view.found.next is not None:
            view = opened(viewer, url("tools-trouble-01"), find="page", hit=view.found.next)
            assert view.found is not None
            places.append(view.found.spot)
        assert len(places) == 3 and len({place.kind for place in places if place is not None}) == 3
        back = 0
        while view.found is not None and view.found.previous is not None:
            view = opened(viewer, url("tools-trouble-01"), find="page", hit=view.found.previous)
            back += 1
        assert back == 2

    def test_reaches_runs_that_are_not_loaded(self, lab: Path, viewer: Person) -> None:
        row = CatalogSession.objects.one("lab", "many-runs")
        first = row.runs.filter(depth=0).order_by("ordinal").first() if row is not None else None
        assert first is not None and first.run_id is not None
        newest = viewer.client.get(url("many-runs"))
        assert first.ordinal not in runs_of(newest.context["page"].view)
        view = opened(viewer, url("many-runs"), find=first.input_preview)
        assert view.found is not None and first.ordinal in view.found.runs
        assert first.ordinal in runs_of(view)

    def test_marks_stored_text_and_nothing_else(self, lab: Path, viewer: Person) -> None:
        for view in VIEWS:
            html = viewer.client.get(url("tools-trouble-01"), {"find": "fetch", "view": view}).content.decode()
            assert "<mark>Fetch</mark> the intranet page" in html
        html = viewer.client.get(url("tools-trouble-01"), {"find": "completed"}).content.decode()
        assert "<mark>" not in html

    @pytest.mark.parametrize("words", ["<script>", "(((", "\\", "'", '"', "%", "\x00", "*" * 300, "no such words here"])
    def test_what_cannot_be_found_is_said(self, words: str, lab: Path, viewer: Person) -> None:
        html = viewer.client.get(url("tools-trouble-01"), {"find": words}).content.decode()
        assert "No run of this session says that" in html and "<script>" not in html.split("<main")[1]

    @pytest.mark.parametrize("hit", ["x", "9.9", "0.", "0.0", "-1.5", "0.last", "0.999", "9" * 40])
    def test_a_bad_place_is_the_first_or_last(self, hit: str, lab: Path, viewer: Person) -> None:
        view = opened(viewer, url("tools-trouble-01"), find="page", hit=hit)
        assert view.found is not None and 1 <= view.found.number <= view.found.total

    def test_other_sessions_are_not_looked_into(self, lab: Path, viewer: Person) -> None:
        view = opened(viewer, url("many-runs"), find="intranet")
        assert view.found is not None and view.found.runs == []


class TestErrors:
    def test_follow_each_other_round_and_round(self, lab: Path, viewer: Person) -> None:
        row = CatalogSession.objects.one("lab", "run-errors")
        assert row is not None
        failed = [
            run.quoted_id for run in row.runs.order_by("ordinal") if run.status == "ERROR" or run.tool_error_count
        ]
        assert len(failed) > 1
        seen = []
        query = {"error": "next", "view": "log"}
        for _ in range(len(failed) + 1):
            answer = viewer.client.get(url("run-errors"), query)
            asked = parse_qs(urlsplit(answer["Location"]).query)
            assert asked["view"] == ["log"] and "error" not in asked
            seen.append(asked["run"][0])
            run = CatalogRun.objects.get(session=row, run_key=CatalogRun.key_of(seen[-1]))
            query = {"error": "next", "view": "log", "from": str(run.ordinal)}
        assert seen == [*failed, failed[0]]

    def test_are_not_offered_where_there_are_none(self, lab: Path, viewer: Person) -> None:
        assert b"Next error" not in viewer.client.get(url("many-runs")).content
        assert viewer.client.get(url("many-runs"), {"error": "next"})["Location"] == "?#here"


def test_prompts_are_listed_and_lead_there(lab: Path, viewer: Person) -> None:
    html = viewer.client.get(url("many-runs"), {"prompts": "0"}).content.decode()
    part = html.split('id="prompts"')[1].split("</nav>")[0]
    assert part.count("<li>") == len(set(re.findall(r"run=([^&#\"]+)", part)))
    view = opened(viewer, url("many-runs"), prompts="5")
    assert view.prompts[0].row.ordinal >= 5


def test_idle_times_are_said_in_words(lab: Path, viewer: Person) -> None:
    row = CatalogSession.objects.one("lab", "tools-trouble-01")
    assert row is not None
    times = list(row.runs.order_by("ordinal").values_list("pk", "created_at"))
    for number, (pk, created_at) in enumerate(times):
        CatalogRun.objects.filter(pk=pk).update(created_at=(created_at or 0) + 7_800 * number - 20_000 * (number == 4))
    for view in ("conversation", "timeline"):
        html = viewer.client.get(url("tools-trouble-01"), {"view": view}).content.decode().replace("\xa0", " ")
        assert "2 h 10 idle" in html and "before the run above" in html


@pytest.mark.parametrize("view", VIEWS)
def test_stored_text_never_becomes_markup(view: str, lab: Path, viewer: Person) -> None:
    for attack in ATTACKS:
        attack_everywhere(lab, attack)
        html = viewer.client.get(url("attacked"), {"view": view, "find": "alert", "prompts": "0"}).content.decode()
        assert "<script>alert" not in html and "<img" not in html and "<svg onload" not in html
        assert '"><img' not in html and "{{ 7" not in html.replace("{{ 7*7 }}", "") and "49%" not in html
        assert "\x00" not in html and "\x1b" not in html


@pytest.mark.parametrize("view", VIEWS)
def test_a_malformed_run_is_in_every_view(view: str, lab: Path, viewer: Person) -> None:
    for value in (
        "{trunc",
        "null",
        '{"messages": [1, null, {"role": 7, "created_at": "x"}], "created_at": -5}',
        "[NaN]",
    ):
        write(lab, "UPDATE agno_runs SET run_data = ? WHERE session_id = 'tools-trouble-01' AND run_index = 1", value)
        assert len(runs_of(opened(viewer, url("tools-trouble-01"), view=view))) == 5, value


def test_a_part_is_answered_for_htmx_without_the_rest(lab: Path, viewer: Person) -> None:
    part = viewer.client.get(
        url("tools-trouble-01"), {"view": "log"}, headers={"HX-Request": "true", "HX-Target": "view"}
    ).content.decode()
    assert "<html" not in part and 'id="view"' in part and 'hx-swap-oob="true"' in part
    assert 'id="inspector"' not in part and "composer" not in part


@pytest.mark.parametrize(
    "query",
    [
        {"view": "x"}, {"before": "1.x"}, {"after": "1.2.3"}, {"view": "log", "before": "9" * 30}, {"run": "~99999"},
        {"run": "~0", "message": "-1", "call": "x"}, {"error": "sideways"}, {"error": "next", "from": "x"},
        {"prompts": "x"}, {"run": "\x00"}, {"view": "log", "after": "0.999999999"},
    ],
)  # fmt: skip
def test_a_bad_address_is_no_error(query: dict[str, str], lab: Path, viewer: Person) -> None:
    assert viewer.client.get(url("tools-trouble-01"), query).status_code in (200, 302)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("session_id", ["tools-trouble-01", "wf-everything", "many-runs", "team-nested-embedded"])
def test_a_typical_page_takes_at_most_fifteen_statements(session_id: str, view: str, lab: Path, viewer: Person) -> None:
    viewer.client.get(url(session_id), {"view": view})
    source = connection_for(get_source("lab"))
    with CaptureQueriesContext(connection) as own, CaptureQueriesContext(source) as foreign:
        viewer.client.get(url(session_id), {"view": view})
    assert len(own) + len(foreign) <= 15, [query["sql"] for query in (*own, *foreign)]


def test_the_page_says_how_it_was_printed(lab: Path, viewer: Person) -> None:
    html = viewer.client.get(url("tools-trouble-01")).content.decode()
    foot = html.split('class="print-foot"')[1].split("</footer>")[0]
    assert "lab" in foot and "tools-trouble-01" in foot and "viewer" in foot


def test_a_stranger_learns_nothing_of_any_view(lab: Path, stranger: Person) -> None:
    for query in ({"view": "timeline"}, {"view": "log"}, {"find": "page"}, {"error": "next"}, {"prompts": "0"}):
        assert stranger.client.get(url("tools-trouble-01"), query).status_code == 404
