"""Filters out of a URL's query: whatever it holds, never an exception."""

from datetime import date

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from agentos.catalog.filters import SINCE, ListFilters

NAMES = ["q", "source", "type", "component", "user", "status", "since", "from", "to", "sort", "after", "pk__in"]


def read(text: str) -> ListFilters:
    return ListFilters.from_query(QueryDict(text))


def test_nothing_is_no_filter() -> None:
    assert read("").is_empty
    empty = read("q=&type=&source=&since=&from=&sort=-tokens&after=x")
    assert empty.is_empty and empty.problems == ()


def test_several_values_of_one_facet() -> None:
    filters = read("type=team&type=agent&user=bob&user=(none)&source=lab")
    assert filters.type == ("agent", "team")
    assert filters.user == ("bob", "(none)")
    assert filters.source == ("lab",)
    assert filters.problems == ()
    assert filters.without("type", "user", "source").is_empty


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("type=robot", "agent, team or workflow"),
        ("since=yesterday", "time span"),
        ("from=tomorrow", "no day"),
        ("to=2026-13-45", "no day"),
        ("from=2026-02-30", "no day"),
        ("from=9999999-01-01", "no day"),
        ("since=" + "x" * 10_000, "time span"),
    ],
)
def test_what_cannot_be_read_is_said_and_left_out(query: str, said: str) -> None:
    filters = read(query)
    assert filters.is_empty
    [sentence] = filters.problems
    assert said in sentence and len(sentence) < 200


def test_times() -> None:
    filters = read("from=2026-11-01&to=2026-11-01")
    assert filters.after == filters.before == date(2026, 11, 1)
    assert filters.earliest is not None and filters.latest == filters.earliest + 86_400
    for since in SINCE:
        assert read(f"since={since}").earliest is not None
    for day in ("0001-01-01", "9999-12-31"):
        assert read(f"from={day}&to={day}").earliest is not None


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=40)), max_size=12))
def test_any_query_is_read(pairs: list[tuple[str, str]]) -> None:
    query = QueryDict(mutable=True)
    for name, value in pairs:
        query.appendlist(name, value)
    filters = ListFilters.from_query(query)
    assert isinstance(filters.earliest, int | None)
    assert isinstance(filters.latest, int | None)
    assert "\0" not in "".join((filters.text, *filters.user, *filters.source, *filters.component, *filters.status))


def test_text_and_values_are_bounded() -> None:
    query = QueryDict(mutable=True)
    query["q"] = "x" * 100_000
    query.setlist("user", [f"u{at}" for at in range(1000)])
    query.setlist("type", ["agent"] * 1000)
    filters = ListFilters.from_query(query)
    assert len(filters.text) <= 500 and len(filters.user) <= 50 and len(filters.type) <= 50
