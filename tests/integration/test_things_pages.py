"""The lists of users, components, tools and models: what they count, whose sessions, in which order, at which price."""

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agentos.catalog import rollups, things
from agentos.catalog.figures import Figures
from agentos.catalog.keys import clean
from agentos.catalog.models import CatalogRun, CatalogSession, SourceState
from agentos.catalog.paging import Cursor
from agentos.catalog.sync import refresh_source
from agentos.db.sources import Source
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]
PAGES = {"users": "user", "agents": "component", "tools": "tool", "models": "model"}
# A query that matches everything is answered from the sessions themselves, not from sums that are kept.
ALL = "runs:>=0"
HOSTILE = ("<script>alert(1)</script>", "\u202emoc.elgoog", 'a"b\\c', "100%_", "NUL\0here", "half \ud800", "x" * 9_000)
# Two layouts, and each kind of session.
CORPUS = ("agno-v3.db", "agno-v2.db")
PAYLOADS = ("run_data", "session_data", "agent_data", "body", "parts", "content_preview", "input_preview", '"preview"')


@pytest.fixture
def corpus(sources: Open, corpus_file: Callable[[str], Path]) -> None:
    """Sessions of the corpus, and sums that are up to date."""
    for source in sources(",".join(f"s{at}=sqlite:///{corpus_file(name)}" for at, name in enumerate(CORPUS))):
        refresh_source(source)
    rollups.refresh(None)


@pytest.fixture
def made(sources: Open) -> None:
    """No source: what the catalog holds is made by the test."""
    sources("")


def data(who: Person, listed: str, **query: Any) -> dict[str, Any]:
    answer = who.client.get(f"/{listed}/", query | {"format": "json"})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def every(who: Person, listed: str, **query: Any) -> list[dict[str, Any]]:
    """The things of all pages."""
    found: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        part = data(who, listed, after=after, **query)
        found += part[listed]
        after = part["next"]
    return found


def sessions(who: Person, query: str) -> list[str]:
    """The ids of all sessions that match."""
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        part = who.client.get("/sessions/", {"q": query, "after": after, "format": "json"}).json()
        found += [one["session_id"] for one in part["sessions"]]
        after = part["next"]
    return found


def html(who: Person, listed: str, **query: Any) -> str:
    answer = who.client.get(f"/{listed}/", query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def recounted(listed: str, **only: Any) -> dict[Any, Counter[str]]:
    """Count in Python, from the catalog's sessions and runs, what a list says of each name."""
    found: dict[Any, Counter[str]] = {}
    for session in CatalogSession.objects.filter(**only):
        failed = {"sessions": 1, "failed_sessions": session.error_count > 0}
        of_session = {
            "runs": session.top_level_run_count,
            "calls": session.tool_call_count,
            "failed_calls": session.tool_error_count,
            "tokens": session.total_tokens or 0,
        }
        runs = [run for run in CatalogRun.objects.filter(session=session, model__isnull=False) if run.kind != "bad"]
        shares: dict[Any, dict[str, int]] = {
            "users": {session.user_id: of_session},
            "agents": {(session.session_type, session.component_id): of_session},
            "tools": {
                name: {"calls": calls, "failed_calls": session.tool_failures.get(name, 0)}
                for name, calls in session.tool_calls_by_name.items()
            },
            "models": {
                model: {
                    "runs": sum(run.model == model for run in runs),
                    "failed_runs": sum(run.model == model and run.status == "ERROR" for run in runs),
                    "tokens": sum(run.total_tokens or 0 for run in runs if run.model == model),
                }
                for model in {run.model for run in runs} | ({session.model} - {None})
            },
        }[listed]
        for name, sums in shares.items():
            found.setdefault(name, Counter()).update(failed | sums)
    return found


def named(listed: str, row: dict[str, Any]) -> Any:
    return (row["type"], row["id"]) if listed == "agents" else row["name"]


def assert_exact(listed: str, rows: list[dict[str, Any]], **only: Any) -> None:
    expected = recounted(listed, **only)
    assert {named(listed, row) for row in rows} == expected.keys() and len(rows) == len(expected)
    for row in rows:
        sums = expected[named(listed, row)]
        assert {name: row[name] or 0 for name in sums} == dict(sums)


@pytest.mark.parametrize("listed", PAGES)
class TestTheCorpus:
    def test_kept_sums_equal_a_recount(self, listed: str, corpus: None, viewer: Person) -> None:
        found = every(viewer, listed)
        assert data(viewer, listed)["as_of"] is not None
        assert len(found) > 2
        assert_exact(listed, found)

    def test_sums_made_now_are_the_same(self, listed: str, corpus: None, viewer: Person) -> None:
        now = data(viewer, listed, q=ALL)
        assert (now["as_of"], now["counted_sessions"]) == (None, CatalogSession.objects.count())

        def without_query(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{name: value for name, value in row.items() if name != "query"} for row in rows]

        assert without_query(every(viewer, listed, q=ALL)) == without_query(every(viewer, listed))

    def test_a_narrowed_list_counts_what_matches(self, listed: str, corpus: None, viewer: Person) -> None:
        assert_exact(listed, every(viewer, listed, q="type:team"), session_type="team")
        assert_exact(listed, every(viewer, listed, q="user:bob"), user_id="bob")

    def test_each_row_leads_to_its_sessions(self, listed: str, corpus: None, viewer: Person) -> None:
        for query in ("", "type:agent", "errors:0 user:bob"):
            for row in every(viewer, listed, q=query)[:8]:
                assert len(sessions(viewer, row["query"])) == row["sessions"], row

    def test_it_is_sorted_by_every_number(self, listed: str, corpus: None, viewer: Person) -> None:
        for sort in things.sorts(PAGES[listed]):
            column = {"errors": things.FAILED[PAGES[listed]], "seen": "last_seen"}.get(sort, sort)
            for query in ("", ALL):
                rising = [row[column] for row in every(viewer, listed, sort=sort, q=query)]
                falling = [row[column] for row in every(viewer, listed, sort=f"-{sort}", q=query)]
                assert Counter(rising) == Counter(falling)
                if sort != "name":  # in the order of the database's language
                    known = [value for value in rising if value is not None]
                    assert known == sorted(known) and rising[: len(rising) - len(known)] == [None] * (
                        len(rising) - len(known)
                    )

    def test_its_price_is_bounded(self, listed: str, corpus: None, viewer: Person) -> None:
        for query in ({}, {"q": "type:agent"}, {"find": "a", "sort": "name"}):
            SourceState.objects.update(checked_at=timezone.now())  # it is nobody's turn to be followed
            with CaptureQueriesContext(connection) as asked:
                html(viewer, listed, **query)
            statements = [one["sql"] for one in asked]
            assert len(statements) <= 12, statements
            lists = [sql for sql in statements if "catalog_" in sql]
            assert lists and not [sql for sql in lists for name in PAYLOADS if name in sql]

    def test_the_page_says_what_it_shows(self, listed: str, corpus: None, viewer: Person) -> None:
        shown = html(viewer, listed)
        assert "in all sessions" in shown and 'aria-sort="descending"' in shown
        assert shown.count("sessions in the last 30 days") + shown.count("session in the last 30 days") > 0
        part = viewer.client.get(f"/{listed}/", headers={"HX-Request": "true", "HX-Target": "list"})
        assert b"<html" not in part.content and part.headers["HX-Push-Url"] == f"/{listed}/"

    def test_a_bound_user_learns_of_their_own_alone(self, listed: str, corpus: None, owner: Person) -> None:
        for query in ("", ALL):
            assert_exact(listed, every(owner, listed, q=query), user_id="alice@example.com")
        shown = html(owner, listed)
        mine = CatalogSession.objects.filter(user_id="alice@example.com").count()
        assert f"in the {mine} sessions that you may see" in shown and "bob" not in shown

    def test_a_stranger_learns_nothing(self, listed: str, corpus: None, stranger: Person) -> None:
        for query in ("", "user:bob", ALL):
            answer = data(stranger, listed, q=query)
            assert (answer[listed], answer["total"], answer["counted_sessions"]) == ([], 0, 0)
        assert "alice" not in html(stranger, listed)

    def test_what_cannot_be_read_is_no_error(self, listed: str, made: None, viewer: Person) -> None:
        make_session(tool_calls_by_name={"wire_money": 1}, model="m")
        for name, value in (
            ("sort", "user__password"), ("after", "abc"), ("after", "WzEsMSxmYWxzZV0"), ("find", "\x00%_"),
            ("find", "x" * 9_000), ("since", "forever"), ("q", "user:\x00"), ("q", "%_\\"), ("kind", "health"),
        ):  # fmt: skip
            for query in ({}, {"q": ALL}, {"sort": "name"}):
                html(viewer, listed, **(query | {name: value}))


def test_pages_of_many_show_each_once_in_both_directions(made: None, viewer: Person) -> None:
    for at in range(120):
        make_session(user_id=f"user-{at:03}", total_tokens=None if at % 3 else at % 5, cost=at % 7 or None)
    rollups.refresh(None)
    for query in ("", ALL):
        for sort in ("name", "-name", "tokens", "-tokens", "cost", "-cost", "-sessions", "seen"):
            there = every(viewer, "users", sort=sort, q=query)
            assert len({row["name"] for row in there}) == len(there) == 120
            url = asked = viewer.client.get("/users/", {"sort": sort, "q": query}).context["older"]
            while asked:
                url, asked = asked, viewer.client.get(f"/users/{asked}").context["older"]
            back: list[str] = []
            while url:
                shown = viewer.client.get(f"/users/{url}").context
                back, url = [row.name for row in shown["rows"]] + back, shown["newer"]
            assert back == [row["name"] for row in there]


def test_a_page_goes_on_behind_a_thing_that_is_gone(made: None, viewer: Person) -> None:
    for at in range(60):
        make_session(user_id=f"user-{at:02}")
    rollups.refresh(None)
    cursor = data(viewer, "users", sort="name")["next"]
    CatalogSession.objects.filter(user_id="user-49").delete()
    rollups.refresh(None)
    assert [row["name"] for row in data(viewer, "users", sort="name", after=cursor)["users"]] == [
        f"user-{at}" for at in range(50, 60)
    ]


def test_names_are_found_by_their_beginning(made: None, viewer: Person) -> None:
    for name in ("Bob", "bobby", "Rob", "bO_b", "BO%"):
        make_session(user_id=name)
    rollups.refresh(None)
    for query in ("", ALL):
        assert {row["name"] for row in every(viewer, "users", find="BOB", q=query)} == {"Bob", "bobby"}
        assert {row["name"] for row in every(viewer, "users", find="bo_", q=query)} == {"bO_b"}
        assert "No name begins with “<bdi>nobody</bdi>”" in html(viewer, "users", find="nobody", q=query)


def test_names_are_text_whatever_they_hold(made: None, viewer: Person) -> None:
    for name in HOSTILE:
        make_session(user_id=name, component_id=name, component_name=None, tool_calls_by_name={clean(name): 2})
    rollups.refresh(None)
    for listed in ("users", "agents", "tools"):
        rows = every(viewer, listed)
        assert len(rows) == len(HOSTILE)
        shown = html(viewer, listed)
        assert "<script>alert(1)" not in shown and "\u202e" not in shown and "100%_" in shown
        for row in rows:
            assert len(sessions(viewer, row["query"])) == 1, row


def test_what_has_no_name_has_words(made: None, viewer: Person) -> None:
    make_session(user_id=None, component_id=None, component_name="Whoever", session_type="")
    make_session(user_id=" ", component_id="", component_name=None)
    rollups.refresh(None)
    assert "<i>no user</i>" in html(viewer, "users") and "<i>a blank name</i>" in html(viewer, "users")
    agents = html(viewer, "agents")
    assert "<i>no id</i>" in agents and "<i>a blank name</i>" in agents and "Whoever" not in agents
    assert [row["name"] for row in every(viewer, "users", sort="name")] in ([None, " "], [" ", None])


def test_cost_says_what_is_not_known(made: None, viewer: Person) -> None:
    make_session(user_id="part", cost=1.5, forest_run_count=1)
    make_session(user_id="part", cost=None, forest_run_count=1)
    make_session(user_id="none", cost=None, total_tokens=None, forest_run_count=1)
    shown = html(viewer, "users")
    assert "$1.50" in shown and "The cost of 1 session is not known." in shown and shown.count("+ unknown") == 1
    by_name = {row["name"]: row for row in every(viewer, "users")}
    assert (by_name["part"]["cost"], by_name["part"]["cost_unknown"]) == (1.5, 1)
    assert (by_name["none"]["cost"], by_name["none"]["tokens"]) == (None, None)


def test_one_of_a_kind_is_called_one(made: None, viewer: Person) -> None:
    make_session()
    rollups.refresh(None)
    shown = html(viewer, "agents")
    assert "1 agent, team or workflow</b>" in shown and "1 of 1 agent, team or workflow" in shown
    assert "in the one session that matches" in html(viewer, "agents", q=ALL)


def test_many_sessions_are_summed_up_to_a_bound(made: None, viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(things, "MOST_SESSIONS", 3)
    for at in range(5):
        make_session(user_id=f"user-{at}")
    assert "in the 3 sessions updated last, of those that match" in html(viewer, "users", q=ALL)
    answer = data(viewer, "users", q=ALL)
    assert answer["capped"] and {row["name"] for row in answer["users"]} == {"user-2", "user-3", "user-4"}


def test_sums_that_take_too_long_are_not_made(made: None, viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Any) -> Figures:
        with connection.cursor() as cursor:
            count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000)"
            cursor.execute(f"{count} SELECT sum(i) FROM n")
        return Figures("user")

    monkeypatch.setattr(things, "figures", slow)
    monkeypatch.setattr(things, "SECONDS", 0.05)
    assert "<h2>Not counted</h2>" in html(viewer, "users", q=ALL)
    assert data(viewer, "users", q=ALL)["in_time"] is False


def test_before_the_sums_are_complete_sessions_are_counted(made: None, viewer: Person) -> None:
    for day in range(3):
        make_session(updated_at=1_790_000_000 + day * 86_400)
    rollups.refresh(0)
    assert "in the 3 sessions that you may see" in html(viewer, "users")
    assert data(viewer, "users")["users"][0]["sessions"] == 3


def test_nothing_there_is_said(made: None, viewer: Person) -> None:
    assert "No users yet" in html(viewer, "users")
    assert "No session matches" in html(viewer, "users", q="refund")
    make_session()
    assert "There are none in the one session that matches." in html(viewer, "tools", q=ALL)
    rollups.refresh(None)
    cursor = Cursor("zz", "zz", False).encode()
    assert "Nothing further" in html(viewer, "users", sort="name", after=cursor)
    viewer.user.groups.clear()
    assert "Your account has no role" in html(viewer, "users")


def test_a_broken_query_lists_nothing_and_says_why(made: None, viewer: Person) -> None:
    make_session()
    answer = viewer.client.get("/users/", {"q": "tokens:many", "format": "json"})
    assert answer.status_code == 400 and json.loads(answer.content)["query"] == "tokens:many"
    shown = html(viewer, "users", q="tokens:many")
    assert "The query cannot be read" in shown and "alice@example.com" not in shown


def test_days_are_those_of_the_last_update(made: None, viewer: Person) -> None:
    for back in (0, 0, 3, 40):
        make_session(updated_at=int(time.time()) - back * 86_400)
    for query in ("", ALL):
        days = every(viewer, "users", q=query)[0]["days"]
        assert (len(days), days[-1], days[-4], sum(days)) == (30, 2, 1, 3)


def test_nobody_signed_in_is_sent_to_sign_in(made: None, client: Any) -> None:
    for listed in PAGES:
        assert client.get(f"/{listed}/").status_code == 302
        assert client.get(f"/{listed}/", headers={"Accept": "application/json"}).status_code == 401
