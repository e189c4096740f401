"""A list's query out of its URL: whatever that holds, never an exception; and the parts that controls hold."""

from datetime import date

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from agentos.catalog.query.listing import FACETS, SINCE, ListQuery
from agentos.catalog.query.parser import MAX_CHARACTERS, parse

NAMES = [
    "q",
    "source",
    "type",
    "component",
    "agent",
    "user",
    "status",
    "since",
    "from",
    "to",
    "sort",
    "after",
    "pk__in",
]


def read(text: str) -> ListQuery:
    return ListQuery.from_url(QueryDict(text))


def test_nothing_is_no_filter() -> None:
    for text in ("", "q=&type=&source=&since=&from=&sort=-tokens&after=x"):
        assert read(text) == ListQuery() and read(text).problems == ()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("type=team&user=bob", "type:team user:bob"),
        ("type=team&type=agent", "type:team or type:agent"),
        ("type=team&type=agent&q=cats", "(type:team or type:agent) cats"),
        ("user=(none)", "user:none"),
        ("user=none", 'user:"none"'),
        ("status=ERROR&status=none", "status:error or status:none"),
        ("component=trip planner", 'component:"trip planner"'),
        ("agent=a&team=b", "agent:a or team:b"),
        ("component=none", "component:none"),
        ("agent=none", "agent:none"),
        ("since=7d", "updated:7d"),
        ("from=2026-11-01&to=2026-11-30", "updated:2026-11-01..2026-11-30"),
        ("from=2026-11-01", "updated:>=2026-11-01"),
        ("to=2026-11-30", "updated:<=2026-11-30"),
        ("q=cats user:bob&user=bob", "user:bob cats"),
        ("q=user:bob&q=tokens:%3E5 dogs&q=cats", "user:bob tokens:>5 dogs cats"),
    ],
)
def test_forms_and_old_links_are_translated(url: str, text: str) -> None:
    assert read(url).text == text
    again = QueryDict(mutable=True)
    again["q"] = text
    assert ListQuery.from_url(again) == read(url)


@pytest.mark.parametrize("url", ["since=yesterday", "from=tomorrow", "to=2026-13-45", "from=9999999-01-01"])
def test_what_cannot_be_read_is_said_and_left_out(url: str) -> None:
    query = read(url)
    assert query == ListQuery()
    [sentence] = query.problems
    assert len(sentence) < 200


def test_a_broken_query_keeps_the_rest_and_what_was_typed() -> None:
    query = read("q=tokens:%3E5&q=cats user:&type=team")
    [broken] = query.broken
    assert broken.text == "cats user:" and (broken.error.start, broken.error.length) == (5, 5)
    assert query.text == "type:team tokens:>5"


def test_controls_hold_their_parts_and_the_rest_is_left() -> None:
    query = read("q=cats type:team (user:a or user:b) updated:7d updated:%3E=2026-01-05 has:error -dogs user:c")
    assert [term.test for term in query.chosen("user")] and len(query.chosen("user")) == 2
    assert query.since == "7d" and query.days == (date(2026, 1, 5), None)
    assert query.words == "cats"
    assert query.rest == "user:c has:error -dogs"
    assert query.without("user", "since", "days").text == "type:team user:c has:error -dogs cats"


def test_each_time_span_is_its_own() -> None:
    for since in SINCE:
        assert read(f"since={since}").since == since
    assert read("q=updated:3d").since == ""


def test_taking_off_alternatives() -> None:
    query = read("user=a&user=b&type=team")
    part = query.part("user")
    assert part is not None
    first, second = query.chosen("user")
    assert query.less(part, first).text == "type:team user:b"
    assert query.less(part, first).less(second).text == "type:team"


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.one_of(st.just("none"), st.text(max_size=40))), max_size=12))
def test_any_url_is_read(pairs: list[tuple[str, str]]) -> None:
    url = QueryDict(mutable=True)
    for name, value in pairs:
        url.appendlist(name, value)
    query = ListQuery.from_url(url)
    assert parse(query.text) == query.node
    assert "\0" not in query.text
    for name in FACETS:
        query.chosen(name)


def test_more_than_a_query_holds() -> None:
    url = QueryDict(mutable=True)
    url.setlist("user", ["u" * 150 + str(at) for at in range(50)])
    url["q"] = "cats"
    query = ListQuery.from_url(url)
    assert query.text == "cats" and query.problems
    url.setlist("q", ["a" * (MAX_CHARACTERS - 1), "b" * (MAX_CHARACTERS - 1)])
    assert ListQuery.from_url(url).broken


def test_long_ids_stand_in_the_query_by_their_keys() -> None:
    url = QueryDict(mutable=True)
    url["user"] = "u" * 9000
    assert len(ListQuery.from_url(url).text) < 250
