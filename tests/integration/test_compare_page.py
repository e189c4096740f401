"""Two sessions or runs side by side: aligned, marked, bounded, harmless, and for those alone who may see both."""

import json
import re
import sqlite3
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.connections import connection_for
from agentos.db.sources import Source, get_source
from sessions_ui.presenters.compare_page import Comparison
from sessions_ui.presenters.compare_rows import Cell
from sessions_ui.presenters.compare_turns import Outline
from tests.conftest import PG_DUMPS, SQLITE_FILES, Person
from tests.corpus import texts, write
from tests.integration.test_monster_session import assert_bounded
from tests.integration.test_run_page import ATTACKS, row_of

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    path: Path = corpus_file("agno-v3.db")
    refresh_source(sources(f"lab=sqlite:///{path}")[0])
    return path


def a_run(run_id: str, asked: str, answered: str, **more: Any) -> dict[str, Any]:
    """A run of a question, the calls in `calls` (name, arguments, result) and an answer."""
    calls = more.pop("calls", [])
    requests = [
        {"id": f"{run_id}-{at}", "type": "function", "function": {"name": name, "arguments": json.dumps(args)}}
        for at, (name, args, _) in enumerate(calls)
    ]
    tools = [
        {"tool_call_id": f"{run_id}-{at}", "tool_name": name, "tool_args": args, "result": result}
        for at, (name, args, result) in enumerate(calls)
    ]
    messages: list[dict[str, Any]] = [{"role": "user", "content": asked}]
    messages += [{"role": "assistant", "tool_calls": requests}] if requests else []
    messages.append({"role": "assistant", "content": answered})
    run = {"run_id": run_id, "agent_id": "a", "agent_name": "Agent", "status": "COMPLETED", "created_at": 1_790_000_000}
    return run | {"input": {"input_content": asked}, "messages": messages, "tools": tools, "content": answered} | more


def stored(path: Path, session_id: str, *runs: Any, state: Any = None, user: str | None = None) -> None:
    """A session of these runs, in the catalog."""
    write(
        path, "INSERT INTO agno_sessions (session_id, session_type, agent_id, user_id, session_data, created_at)"
        " VALUES (?, 'agent', 'a', ?, ?, 1790000000)", session_id, user, json.dumps({"session_state": state}),
    )  # fmt: skip
    for index, run in enumerate(runs):
        text = run if isinstance(run, str) else json.dumps(run)
        run_id = f"{session_id}-{index}" if isinstance(run, str) else run["run_id"]
        write(
            path, "INSERT INTO agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)"
            " VALUES (?, ?, 'agent', ?, ?, 1790000000)", run_id, session_id, index, text,
        )  # fmt: skip
    refresh_source(get_source("lab"))


def address(session_id: str, run_id: str | None = None) -> str:
    return f"lab/{quote_id(session_id)}" + (f"/runs/{quote_id(run_id)}" if run_id else "")


def opened(person: Person, a: str, b: str, **query: Any) -> tuple[Comparison, str]:
    page = person.client.get("/compare/", {"a": a, "b": b, **query})
    assert page.status_code == 200, (a, b, query)
    found: Comparison = page.context["page"]
    return found, re.sub(r"\s+", " ", page.content.decode())


def told(page: Comparison) -> list[tuple[str, str]]:
    """Each row's turn and verdict."""
    return [(turn.label, row.verdict) for turn in page.turns for row in turn.rows]


def marked(cell: Cell | None) -> str:
    """A cell's text, what differs in brackets."""
    assert cell is not None
    return "".join(f"[{part.text}]" if part.is_changed else part.text for part in cell.parts)


def number(outline: Outline | None) -> int | None:
    return None if outline is None else outline.number


def test_sessions_are_aligned_by_what_was_asked(lab: Path, viewer: Person) -> None:
    stored(lab, "one", a_run("a1", "Hello", "Hi there"), a_run("a2", "Refund 48213", "I will try again"),
           a_run("a3", "Thank you", "Bye"))  # fmt: skip
    stored(lab, "two", a_run("b1", "Hello", "Hi there"), a_run("b2", "By card?", "Yes"),
           a_run("b3", "Refund 48213", "I will send it"), a_run("b4", "Thank you", "Bye"))  # fmt: skip
    page, html = opened(viewer, address("one"), address("two"))
    assert told(page) == [
        ("1", "same"), ("1", "same"), ("2", "only B"), ("2", "only B"), ("2 · 3", "same"), ("2 · 3", "differs"),
        ("3 · 4", "same"), ("3 · 4", "same"),
    ]  # fmt: skip
    row = page.turns[2].rows[1]
    assert (marked(row.a), marked(row.b)) == ("I will [try again]", "I will [send it]")
    assert "<del>try again</del>" in html and "<ins>send it</ins>" in html and "Nothing here in A" in html
    assert "4 turns, 1 only in B; 2 of the 4 shown differ" in html


def test_calls_are_compared_by_arguments_results_and_outcome(lab: Path, viewer: Person) -> None:
    lookup = {"order": 1}
    one = a_run("a1", "Go", "Done", calls=[("lookup", lookup, '{"paid": 1}'), ("rules", {}, "same"), ("old", {}, "x")])
    two = a_run("b1", "Go", "Done", calls=[("lookup", lookup | {"by": "card"}, '{"paid": 2}'), ("rules", {}, "same")])
    two["tools"][1]["tool_call_error"] = True
    stored(lab, "one", one)
    stored(lab, "two", two)
    page, html = opened(viewer, address("one"), address("two"))
    row = page.turns[0].rows[1]
    assert row.a is not None and row.b is not None
    assert [call.mark for call in row.a.calls] == ["arguments and result", "outcome", "only here"]
    assert [call.mark for call in row.b.calls] == ["arguments and result", "outcome"]
    assert row.what == ["calls"] and [change.what for change in row.changes] == ["arguments", "result"]
    assert "How 2 texts of calls differ" in html and "only A" in html


def test_numbers_settings_and_state_stand_beside_it(lab: Path, viewer: Person) -> None:
    metrics = {"input_tokens": 100, "output_tokens": 50, "total_tokens": 150, "duration": 2.0}
    stored(
        lab,
        "one",
        a_run("a1", "Go", "Done", metrics=metrics, model="m1"),
        state={"refund": {"status": "asked"}, "n": 1},
    )
    stored(
        lab, "two", a_run("b1", "Go", "Done", metrics=metrics | {"input_tokens": 150, "duration": 1.0}, model="m2"),
        a_run("b2", "More", "Done"), state={"refund": {"status": "sent"}, "n": 1},
    )  # fmt: skip
    page, html = opened(viewer, address("one"), address("two"))
    numbers = {line.label: (line.a, line.b, line.change) for line in page.numbers}
    assert numbers["Runs"] == (1, 2, "+1") and numbers["Tokens in"] == (100, 150, "+50\N{NO-BREAK SPACE}%")
    assert numbers["Cost"] == (None, None, "not known") and numbers["Failed runs"][2] == "same"
    settings = {line.label: line.differs for line in page.settings}
    assert settings["Model"] and not settings["Component"]
    assert page.state.count == 1 and "refund.status" in html
    assert page.clock is not None and page.clock.a.seconds == 2.0 and page.clock.b.seconds == 1.0
    # One scale for both: a second is as wide on either side.
    assert page.clock.a.runs[0].width == 2 * page.clock.b.runs[0].width
    assert page.clock.b.unknown == 1


def test_runs_are_compared_message_by_message(lab: Path, viewer: Person) -> None:
    system = {"role": "system", "content": "Be kind.\nBe brief."}
    one, two = a_run("a1", "Slogan", "Tea for two"), a_run("a2", "Slogan", "Tea for all", regenerated_from="a1")
    one["messages"].insert(0, system)
    two["messages"].insert(0, system | {"content": "Be kind.\nBe long."})
    one["status"] = "REGENERATED"
    stored(lab, "slogans", one, two)
    page, html = opened(viewer, address("slogans", "a1"), address("slogans", "a2"))
    assert page.is_run and told(page) == [("1", "same"), ("2", "differs")]
    assert (marked(page.turns[1].rows[0].a), marked(page.turns[1].rows[0].b)) == ("Tea for [two]", "Tea for [all]")
    assert page.prompt is not None and [line.kind for line in page.prompt] == ["same", "before", "after"]
    only, html = opened(viewer, address("slogans", "a1"), address("slogans", "a2"), rows="differences")
    assert told(only) == [("2", "differs")] and only.passed == 1 and "1 message left out" in html


def test_only_differences_passes_over_what_seems_alike(lab: Path, viewer: Person) -> None:
    alike = [(f"Question {at}", f"Answer {at}") for at in range(60)]
    stored(lab, "one", *(a_run(f"a{at}", *turn) for at, turn in enumerate(alike)))
    changed = [*alike[:50], ("Question 50", "Another answer"), *alike[51:]]
    stored(lab, "two", *(a_run(f"b{at}", *turn) for at, turn in enumerate(changed)))
    page, html = opened(viewer, address("one"), address("two"), rows="differences")
    assert told(page) == [("51", "same"), ("51", "differs")] and page.passed == 59 and page.after is None
    assert "59 turns left out" in html
    stored(lab, "three", *(a_run(f"c{at}", *turn) for at, turn in enumerate(alike)))
    none, html = opened(viewer, address("one"), address("three"), rows="differences")
    assert not none.turns and "Nothing else differs." in html
    all_of_it, html = opened(viewer, address("one"), address("three"))
    assert "the 20 shown are the same" in html and all_of_it.shown_different == 0


def test_windows_lead_through_every_turn_once(lab: Path, viewer: Person) -> None:
    stored(lab, "one", *(a_run(f"a{at}", f"Question {at}", "x " * 40) for at in range(55)))
    asked = [at for at in range(70) if at % 9]
    stored(lab, "two", *(a_run(f"b{at}", f"Question {at}", "x " * 40) for at in asked))
    seen: list[tuple[int | None, int | None]] = []
    query: dict[str, Any] = {}
    for _ in range(20):
        page, _ = opened(viewer, address("one"), address("two"), **query)
        seen += [(number(turn.pair.a), number(turn.pair.b)) for turn in page.turns]
        if page.after is None:
            break
        query = {"after": page.after}
    assert [a for a, _ in seen if a] == list(range(1, 56)) and [b for _, b in seen if b] == list(
        range(1, len(asked) + 1)
    )
    back, _ = opened(viewer, address("one"), address("two"), before=page.before)
    assert back.turns[0].pair != page.turns[0].pair
    for cursor in ("x", "9" * 30, "-1.2", "1", "1.2.3", "99999.99999"):
        opened(viewer, address("one"), address("two"), after=cursor)


def test_what_is_empty_unreadable_or_the_same_is_said(lab: Path, viewer: Person) -> None:
    stored(lab, "empty")
    stored(lab, "empty-too")
    assert "No runs are stored in either session." in opened(viewer, address("empty"), address("empty-too"))[1]
    stored(lab, "full", a_run("f1", "Go", "Done"))
    assert told(opened(viewer, address("full"), address("empty"))[0]) == [("1", "only A"), ("1", "only A")]
    stored(lab, "broken", "{trunc")
    page, html = opened(viewer, address("full"), address("broken"))
    assert "Unreadable" in html and any(row.verdict != "same" for turn in page.turns for row in turn.rows)
    bad = row_of("broken")
    page, html = opened(viewer, address("full", "f1"), address("broken", bad.quoted_id))
    assert page.only_a == 2
    same = viewer.client.get("/compare/", {"a": address("full"), "b": address("full")})
    assert "A and B are the same session." in same.content.decode()
    mixed = viewer.client.get("/compare/", {"a": address("full"), "b": address("full", "f1")}).content.decode()
    assert "A session is compared with a session, a run with a run." in mixed


def test_a_source_that_is_down_is_a_sentence(lab: Path, viewer: Person) -> None:
    stored(lab, "full", a_run("f1", "Go", "Done"))
    lab.rename(lab.with_suffix(".gone"))
    connection_for(get_source("lab")).close()
    query = {"a": address("full"), "b": address("many-runs")}
    answer = viewer.client.get("/compare/", query)
    assert answer.status_code == 503 and "cannot be read now" in answer.content.decode()
    assert viewer.client.get("/compare/", query | {"format": "json"}).json()["error"]


def test_what_to_compare_is_found_offered_or_pasted(lab: Path, viewer: Person) -> None:
    stored(lab, "one", a_run("a1", "Refund 48213", "Yes"))
    stored(lab, "two", a_run("b1", "Refund 48213 again", "Yes"), a_run("b2", "More", "Yes"))
    blank = viewer.client.get("/compare/").content.decode()
    assert 'name="a"' in blank and 'name="b"' in blank
    offered = viewer.client.get("/compare/", {"a": address("one")})
    urls = [offer.url for offer in offered.context["choice"].offers]
    assert f"a={address('one').replace('/', '%2F')}&b={address('two').replace('/', '%2F')}" in urls[0]
    assert all("b=lab%2Fone" not in one for one in urls)
    assert viewer.client.get(urls[0]).context["page"].b.session.session_id == "two"
    found = viewer.client.get("/compare/", {"a": address("one"), "find": "refund again"})
    assert [offer.label for offer in found.context["choice"].offers] == ["Refund 48213 again"]
    by_id = viewer.client.get("/compare/", {"find": "many-r"}).context["choice"]
    assert by_id.wanted == "a" and [offer.url for offer in by_id.offers] == ["/compare/?a=lab%2Fmany-runs"]
    run = viewer.client.get("/compare/", {"b": address("two", "b1")}).context["choice"]
    assert run.is_run and [offer.url for offer in run.offers] == [
        "/compare/?a=lab%2Ftwo%2Fruns%2Fb2&b=lab%2Ftwo%2Fruns%2Fb1"
    ]
    pasted = "https://agents.example/sessions/lab/one/?view=log#run-3"
    assert opened(viewer, pasted, f"/sessions/{address('two')}/")[0].both == 1
    for text in ("x", "http://evil.example/", "<script>alert(1)</script>", "\0", "lab/", "/" * 5_000):
        html = viewer.client.get("/compare/", {"a": text}).content.decode()
        assert "names no session" in html and "<script>alert" not in html


def test_two_selected_sessions_are_compared(lab: Path, viewer: Person, stranger: Person) -> None:
    stored(lab, "one", a_run("a1", "Go", "Yes"))
    stored(lab, "two", a_run("b1", "Go", "Yes"))
    answer = viewer.client.post("/compare/", {"pick": ["lab/one", "lab/two"]})
    query = parse_qs(urlsplit(answer["Location"]).query)
    assert answer.status_code == 302 and {query["a"][0], query["b"][0]} == {"lab/one", "lab/two"}
    for picks in ([], ["lab/one"], ["lab/one", "lab/two", "lab/many-runs"], ["lab/one", "lab/none"]):
        answer = viewer.client.post("/compare/", {"pick": picks})
        assert answer.status_code == 400 and "select exactly two" in answer.content.decode()
    assert stranger.client.post("/compare/", {"pick": ["lab/one", "lab/two"]}).status_code == 400
    assert 'formaction="/compare/"' in viewer.client.get("/sessions/").content.decode()


def test_pages_of_sessions_and_runs_lead_here(lab: Path, viewer: Person) -> None:
    html = viewer.client.get("/sessions/lab/many-runs/").content.decode()
    assert "/compare/?a=lab/many-runs" in html
    second = CatalogRun.objects.filter(session__session_id="many-runs", depth=0).order_by("ordinal")[1]
    html = viewer.client.get(f"/sessions/lab/many-runs/runs/{second.quoted_id}/").content.decode()
    links = re.findall(r'href="(/compare/\?[^"]+)"', html)
    assert links and all(viewer.client.get(link.replace("&amp;", "&")).status_code == 200 for link in links)
    assert any("&amp;b=" in link for link in links)


@pytest.mark.parametrize("attack", ATTACKS)
def test_stored_text_never_becomes_markup(attack: str, lab: Path, viewer: Person) -> None:
    def hostile(run_id: str, more: str) -> dict[str, Any]:
        text = attack + more
        run = a_run(run_id, text, text, calls=[(text, {text: text}, text)], model=text, user_id=text,
                    session_state={text: text})  # fmt: skip
        run["messages"].insert(0, {"role": "system", "content": text})
        run["messages"][-1]["reasoning_content"] = text
        return run | {"agent_name": text, "agent_id": text, "status": text}

    stored(lab, "one", hostile("a1", ""), state={attack: attack}, user=attack)
    stored(lab, "two", hostile("b1", " more"), state={attack: [attack]}, user=attack + "x")
    pages = (
        {"a": address("one"), "b": address("two")}, {"a": address("one", "a1"), "b": address("two", "b1")},
        {"a": address("one")}, {"a": address("one", "a1")}, {"a": attack, "b": attack, "find": attack},
    )  # fmt: skip
    for query in pages:
        html = viewer.client.get("/compare/", query).content.decode()
        lowered = html.lower()
        assert "<script>" not in lowered and "<img" not in lowered and "<svg onload" not in lowered
        assert 'href="javascript' not in lowered and "\x00" not in html and "\x1b" not in html
        assert "\u202e" not in re.sub("<[^>]*>", "", html.partition("</title>")[2])


@pytest.mark.parametrize("layout", ["table", "blob"])
def test_two_monsters_stay_within_the_page(
    layout: str, corpus_file: Callable[[str], Path], sources: Open, viewer: Person
) -> None:
    path: Path = corpus_file("agno-v3.db" if layout == "table" else "agno-v2.db")
    for name, shift in (("one", 0), ("two", 3)):
        write(
            path, "INSERT INTO agno_sessions (session_id, session_type, agent_id, created_at, updated_at)"
            " VALUES (?, 'agent', 'a', 1790000000, 1790000000)", name,
        )  # fmt: skip
        runs = [big(f"{name}-{at}", at, shift) for at in range(2_000) if at % 17 != shift]
        if layout == "blob":
            write(path, "UPDATE agno_sessions SET runs = ? WHERE session_id = ?", json.dumps(json.dumps(runs)), name)
            continue
        rows = [(run["run_id"], name, index, json.dumps(run)) for index, run in enumerate(runs)]
        with sqlite3.connect(path) as database:
            database.executemany(
                "INSERT INTO agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)"
                " VALUES (?, ?, 'agent', ?, ?, 1790000000)", rows,
            )  # fmt: skip
        database.close()
    refresh_source(sources(f"lab=sqlite:///{path}")[0])
    query = {"a": "lab/one", "b": "lab/two"}
    viewer.client.get("/compare/", query)
    source = connection_for(get_source("lab"))
    for more in ({}, {"after": "900.910"}, {"before": "1500.1500"}, {"rows": "differences"}):
        with CaptureQueriesContext(connection) as own, CaptureQueriesContext(source) as foreign:
            page = viewer.client.get("/compare/", query | more)
        assert_bounded(page, more)
        assert len(own) + len(foreign) <= 30, more
        assert not [one for one in own if "catalogtext" in one["sql"].lower()]
    assert page.context["page"].both > 1_700


def big(run_id: str, at: int, shift: int) -> dict[str, Any]:
    """About 8 kB: two calls and an answer, half of whose words differ."""
    answer = (
        " ".join(f"word{n}" if (n + at) % 2 else f"other{n + shift}" for n in range(200)) + "\n- <b>&point</b>\n" * 20
    )
    calls = [("lookup", {"n": at, "shift": shift}, json.dumps([{"row": n, "v": n * shift} for n in range(60)]))] * 2
    return a_run(run_id, f"Question {at} {'<&>' * 20}", answer, calls=calls)


@pytest.mark.parametrize("shape", ["calls", "messages", "unseen", "large"])
def test_two_huge_runs_stay_within_the_page(shape: str, lab: Path, viewer: Person) -> None:
    def huge(run_id: str, shift: int) -> dict[str, Any]:
        if shape == "calls":
            return a_run(
                run_id, "Go", "Done", calls=[(f"tool{at % 9}", {"n": at + shift}, "x\n" * 300) for at in range(304)]
            )
        if shape == "unseen":
            return a_run(
                run_id, "\u202e" * 9_000, "\u202ea" * 9_000 + str(shift), calls=[("\u202e" * 90, {}, "\u202e" * 900)]
            )
        if shape == "large":
            return a_run(run_id, "Go", f"{shift} word " * 1_500_000)
        run = a_run(run_id, "Go", "Done")
        run["messages"] += [
            {"role": "user" if at % 2 else "assistant", "content": f"**{at + shift}** " * 90} for at in range(1_248)
        ]
        return run

    stored(lab, "one", huge("a1", 0))
    stored(lab, "two", huge("b1", 1))
    for query in ({"a": address("one"), "b": address("two")}, {"a": address("one", "a1"), "b": address("two", "b1")}):
        assert_bounded(viewer.client.get("/compare/", query), (shape, query))


@pytest.mark.parametrize("name", [*SQLITE_FILES, *PG_DUMPS])
def test_every_session_of_the_corpus_is_compared_with_the_next(
    name: str, manifest: dict[str, Any], sources: Open, corpus_file: Any, pg_corpus: Any, viewer: Person
) -> None:
    at = pg_corpus(name) if name in PG_DUMPS else f"sqlite:///{corpus_file(name)}"
    for source_name, text, _ in texts(name, at, manifest[name]["sessions"]):
        refresh_source(sources(text)[0])
        rows = list(CatalogSession.objects.filter(source=source_name).order_by("session_id"))
        for one, other in pairwise(rows):
            query = {"a": f"{source_name}/{one.quoted_id}", "b": f"{source_name}/{other.quoted_id}"}
            page, _ = opened(viewer, query["a"], query["b"])
            assert page.both + page.only_a == one.top_level_run_count
            assert page.both + page.only_b == other.top_level_run_count
            data = viewer.client.get("/compare/", query | {"format": "json"}).json()
            assert len(data["rows"]) == sum(len(turn.rows) for turn in page.turns)


def test_it_is_for_those_alone_who_may_see_both(lab: Path, owner: Person, stranger: Person, client: Any) -> None:
    mine = CatalogSession.objects.filter(user_id="alice@example.com").first()
    other = CatalogSession.objects.exclude(user_id="alice@example.com").exclude(user_id=None).first()
    assert mine is not None and other is not None
    own, foreign = f"lab/{mine.quoted_id}", f"lab/{other.quoted_id}"
    for query in ({"a": own, "b": foreign}, {"a": foreign, "b": own}, {"a": foreign}, {"a": own, "b": "lab/no-such"}):
        forbidden = owner.client.get("/compare/", query)
        assert forbidden.status_code == 404, query
    assert owner.client.get("/compare/", {"a": own}).status_code == 200
    missing = owner.client.get("/compare/", {"a": own, "b": "lab/no-such"})
    hidden = owner.client.get("/compare/", {"a": own, "b": foreign})
    assert re.sub(r'"[^"]{30,}"', "", missing.content.decode()) == re.sub(r'"[^"]{30,}"', "", hidden.content.decode())
    labels = [
        offer.url for offer in owner.client.get("/compare/", {"find": other.session_id[:20]}).context["choice"].offers
    ]
    assert all(quote_id(other.session_id) not in one for one in labels)
    assert stranger.client.get("/compare/", {"a": own, "b": own}).status_code == 404
    assert client.get("/compare/").status_code in (302, 401)


def test_a_run_that_is_not_there_is_not_found(lab: Path, viewer: Person) -> None:
    run = row_of("many-runs").quoted_id
    for bad in ("no-such", "~999", "_"):
        assert viewer.client.get("/compare/", {"a": f"lab/many-runs/runs/{bad}"}).status_code == 404
        query = {"a": f"lab/many-runs/runs/{run}", "b": f"lab/many-runs/runs/{bad}"}
        assert viewer.client.get("/compare/", query).status_code == 404
