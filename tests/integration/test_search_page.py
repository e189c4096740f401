"""The page that searches: what stands on it, for whom, and what it makes of hostile and bad input."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.catalog.text.extract import Part
from agentos.catalog.text.store import Texts, write
from agentos.db.sources import Source
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db
HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</mark><svg/onload=alert(1)>", "javascript:alert(1)",
    '" hx-get="/evil', "{{ 7|add:7 }}", "\u202eevil\u202c",
)  # fmt: skip
ODD = (
    {"q": "NEAR(a b)"}, {"q": "a AND"}, {"q": 'sort:"said"'}, {"q": "b : c"}, {"q": "^a"}, {"q": "a*b"}, {"q": "'"},
    {"q": "a & b | !c"}, {"q": "x' OR 1=1--"}, {"q": "%s %(a)s"}, {"q": "<->"}, {"q": "\ue000said"}, {"q": "("},
    {"q": "a", "page": "0"}, {"q": "a", "page": "99999999999999999999"}, {"q": "a", "page": "x"},
    {"q": "a", "in": "pk"}, {"q": "a", "by": "x", "sort": "random()"}, {"q": "a" * 5_000}, {"q": "\0"}, {"q": "-a"},
    {"q": "…"}, {"q": "x" * 65}, {"q": '"a'},
)  # fmt: skip


def answer(person: Person, **query: Any) -> Any:
    return person.client.get("/search/", query)


def html_of(person: Person, **query: Any) -> str:
    response = answer(person, **query)
    assert response.status_code == 200
    return str(response.content.decode())


def data_of(person: Person, **query: Any) -> Any:
    return answer(person, format="json", **query).json()


def run_of(session: CatalogSession, *parts: Part, run_id: str = "r/1", ordinal: int = 0) -> CatalogRun:
    run = CatalogRun.objects.create(
        session=session, ordinal=ordinal, root_ordinal=ordinal, position=ordinal, kind="agent", run_id=run_id
    )
    write([Texts(session.pk, run.pk, 1_790_000_000, parts)])
    return run


def test_without_words_it_says_what_it_finds(viewer: Person) -> None:
    html = html_of(viewer)
    assert "Find any word anyone said" in html and "seat fee refund" in html
    assert "There is no word to look for" in html_of(viewer, q="type:agent")
    assert "There is no word to look for" in html_of(viewer, q='"!!!"')


def test_hits_stand_by_session_and_link_to_their_messages(viewer: Person) -> None:
    session = make_session(Part("state", None, '{"refund": 5}'), title="A refund", user_id="bob")
    run_of(session, Part("user", 2, "I want a refund now"), Part("tool_call", 3, 'pay {"kind": "seat_fee_refund"}'))
    run_of(make_session(title="Another"), Part("answer", 1, "No refunds"))
    html = html_of(viewer, q="refund")
    assert "4 hits in 1 session" in re.sub(r"\s+", " ", html) and "Another" not in html
    assert f"/sessions/lab/{session.quoted_id}/runs/r_2F1/#m2" in html and "Run 1" in html
    assert "<mark>refund</mark>" in html and "1 more hit in this session" in html
    more = re.search(r'href="(/search/\?[^"]*by=hit[^"]*)"', html)
    assert more and session.session_id in unquote(more[1])
    all_hits = viewer.client.get(more[1].replace("&amp;", "&"), {}).content.decode()
    assert f"/sessions/lab/{session.quoted_id}/?tab=state" in all_hits and all_hits.count('class="hit"') == 4
    assert "<mark>seat_fee_refund</mark>" in html_of(viewer, q='"seat fee refund"')


def test_found_in_counts_and_narrows(viewer: Person) -> None:
    one = make_session(title="One")
    run_of(one, Part("user", 1, "visa visa"), Part("answer", 2, "a visa"), Part("tool_result", 2, "visa: ok"))
    two = make_session(Part("metadata", None, "visa"), title="Two")
    found = data_of(viewer, q="visa")
    assert found["found_in"] == {
        "user": 1, "answer": 1, "tool_call": 0, "tool_result": 1, "reasoning": 0, "summary": 0, "state": 0,
        "metadata": 1, "name": 0,
    }  # fmt: skip
    assert (found["hits"], found["sessions_found"], found["is_complete"]) == (4, 2, True)
    narrowed = data_of(viewer, q="visa", **{"in": ["tool_result", "answer"]})
    assert [group["session_id"] for group in narrowed["sessions"]] == [one.session_id]
    assert {hit["found_in"] for hit in narrowed["sessions"][0]["hits"]} == {"tool_result", "answer"}
    assert narrowed["found_in"]["metadata"] == 1
    only = html_of(viewer, q="visa", **{"in": "metadata"})
    assert two.session_id in only and one.session_id not in only and 'value="metadata" checked' in only


def test_words_of_one_session_may_stand_in_different_messages(viewer: Person) -> None:
    session = make_session(title="Both")
    run_of(session, Part("user", 1, "refund"), run_id="a")
    run_of(session, Part("user", 1, "visa"), run_id="b", ordinal=1)
    run_of(make_session(title="One alone"), Part("user", 1, "refund"))
    for query, titles in {
        "refund visa": ["Both"], '"refund visa"': [], "refund -visa": ["One alone"],
        "visa or refund": ["Both", "One alone"], "ref*": ["Both", "One alone"], "refund (visa or passport)": ["Both"],
    }.items():  # fmt: skip
        found = data_of(viewer, q=query)
        assert sorted(group["title"] for group in found["sessions"]) == titles, query
        listed = viewer.client.get("/sessions/", {"q": query, "format": "json"}).json()
        assert sorted(row["title"] for row in listed["sessions"]) == titles, query


def test_nothing_found_names_the_word_that_nobody_said(viewer: Person) -> None:
    run_of(make_session(), Part("user", 1, "refund"))
    html = html_of(viewer, q="refund nonesuch")
    assert "Nobody said" in html and "“nonesuch”" in html and "“refund”" not in html
    assert "without it" in html and "1 session" in html


def test_orders_and_pages(viewer: Person) -> None:
    for number in range(45):
        run_of(make_session(title=f"Session {number}"), Part("user", 1, "needle " * (1 + number % 3)))
    newest = [data_of(viewer, q="needle", sort="newest", page=page) for page in (1, 2, 3)]
    titles = [group["title"] for found in newest for group in found["sessions"]]
    assert titles == [f"Session {number}" for number in range(44, -1, -1)] and newest[0]["pages"] == 3
    best = [group["title"] for page in (1, 2, 3) for group in data_of(viewer, q="needle", page=page)["sessions"]]
    assert sorted(best) == sorted(titles) and best != titles
    assert "Nothing further" in html_of(viewer, q="needle", page=9)
    assert "page=2" in html_of(viewer, q="needle") and 'rel="prev"' in html_of(viewer, q="needle", page=2)


class TestOwnership:
    def test_a_bound_user_finds_their_own_alone(self, owner: Person, stranger: Person, teammate: Person) -> None:
        mine = make_session(title="Mine", user_id="alice@example.com", component_id="hers", component_name="Hers")
        other = make_session(title="Other", user_id="bob", component_id="secret", component_name="Secret Agent")
        for session in (mine, other):
            run_of(session, Part("user", 1, f"refund of {session.title}"))
        html = html_of(owner, q="refund")
        assert "1 hit in 1 session" in html and "Mine" in html
        for text in ("Other", "Secret Agent", "bob"):
            assert text not in html
        assert data_of(owner, q="refund")["found_in"]["user"] == 1
        assert data_of(teammate, q="refund")["found_in"]["user"] == 2
        assert data_of(stranger, q="refund")["hits"] == 0
        assert "Nobody said" in html_of(owner, q="other") and "Nobody said" in html_of(owner, q='"secret agent"')

    def test_nobody_signed_in_is_sent_to_sign_in(self, client: Any) -> None:
        assert client.get("/search/", {"q": "a"}).status_code == 302


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_text_in_snippets(viewer: Person, hostile: str) -> None:
    session = make_session(Part("state", None, f"needle {hostile}"), title=f"needle {hostile}", user_id=hostile)
    run_of(session, Part("tool_result", 1, f"{hostile} needle {hostile}"))
    html = html_of(viewer, q="needle")
    assert "<mark>needle</mark>" in html
    for raw in ("<script>alert", "<img src=x", "<svg/onload", 'hx-get="/evil', ">14<"):
        assert raw not in html
    assert "\u202e" not in "".join(re.findall(r"<article.*?</article>", html, re.DOTALL))
    assert html_of(viewer, q=hostile.replace('"', " ").replace("(", " ").replace(")", " ").replace(":", " "))


@pytest.mark.parametrize("query", ODD)
def test_bad_input_is_no_error(viewer: Person, query: dict[str, str]) -> None:
    run_of(make_session(), Part("user", 1, "a b c near sort said"))
    assert answer(viewer, **query).status_code == 200
    assert answer(viewer, format="json", **query).status_code in (200, 400)


def test_operators_of_the_index_are_words(viewer: Person) -> None:
    run_of(make_session(title="It"), Part("user", 1, "near sort AND or NOT a b"))
    for query in ("near", "NEAR", '"sort AND"', '"or NOT a"', '"a:b"', '"a & b"', '"a <-> b"', '"{a} : b"', '"so"*'):
        assert data_of(viewer, q=query)["hits"] == 1, query
    for query in ('"\ue000said"', '"a | zzz"', '"b* a"'):
        assert data_of(viewer, q=query)["hits"] == 0, query


def test_texts_are_read_for_the_hits_on_the_page_alone(viewer: Person) -> None:
    for number in range(30):
        run_of(make_session(title=f"Session {number}"), Part("user", 1, "needle"))
    with CaptureQueriesContext(
        connection,
    ) as few:
        html_of(viewer, q="needle")
    reading = [query["sql"] for query in few.captured_queries if '"body"' in query["sql"]]
    assert len(reading) == 1 and reading[0].count(",") < 60
    assert len(few) <= 18


def test_the_fragment_is_the_form_alone(viewer: Person) -> None:
    response = viewer.client.get("/search/", {"q": "needle", "in": "user"}, headers={"HX-Target": "list"})
    assert response.headers["HX-Push-Url"] == "/search/?q=needle&in=user"
    assert "<html" not in response.content.decode()


def test_what_a_source_holds_is_found_and_its_link_leads_there(
    viewer: Person, sources: Callable[[str], list[Source]], corpus_file: Callable[[str], Path]
) -> None:
    [source] = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    refresh_source(source)
    for query in ("日本語", "本", "한국어", "हिन्दी", "שלום", "مرحبا", "مَرْحَبًا", "🎌", "ΕΛΛΗΝΙΚΑ", "Кириллица", "tromso"):
        found = data_of(viewer, q=query)
        assert found["hits"] > 0, query
        for hit in (hit for group in found["sessions"] for hit in group["hits"]):
            page, _, anchor = hit["url"].partition("#")
            html = viewer.client.get(page).content.decode()
            assert not anchor or f'id="{anchor}"' in html, (query, hit)
