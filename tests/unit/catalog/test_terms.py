"""Terms: bounded, storable, equal only for equal values, and the same whatever order things are stored in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.catalog.models import CatalogRun
from agentos.catalog.terms import MOST_SCALARS, TERM_CHARACTERS, beginnings, folded, scalars, tags_of, term_of, terms_of
from agentos.records import Session
from tests.unit.records.strategies import json_values

NOTHING: dict[str, Any] = {
    "tool_calls_by_name": {},
    "topics": [],
    "tags": [],
    "health": [],
    "model": None,
    "has_summary": False,
}


@given(st.text(max_size=400), st.text(max_size=400))
def test_a_term_is_bounded_storable_and_of_one_value(first: str, second: str) -> None:
    term = term_of("tool", first)
    assert len(term) <= TERM_CHARACTERS
    assert "\0" not in term and term.encode().decode() == term
    storable = first.replace("\0", "␀").encode("utf-8", "replace"), second.replace("\0", "␀").encode("utf-8", "replace")
    assert (term == term_of("tool", second)) == (storable[0] == storable[1])


@given(st.text(max_size=100), st.integers(0, 100))
def test_a_beginning_finds_the_value_whatever_its_case(value: str, length: int) -> None:
    first, second = beginnings("tag", value[:length].swapcase())
    if value.swapcase().lower() != value.lower():  # letters that come in one case only
        return
    assert (value == value.lower() and term_of("tag", value).startswith(first)) or folded("tag", value).startswith(
        second
    )


@given(json_values)
def test_scalars_of_anything(value: object) -> None:
    for path, text in scalars(value):
        assert path.count(".") < 100 and 0 < len(text) <= 100


def test_which_scalars() -> None:
    state = {
        "name": "Ada", "on": True, "off": False, "none": None, "n": 42, "x": 1.5, "empty": "", "long": "y" * 101,
        "cart": {"total": 42, "items": [{"sku": "a"}, {"sku": "b"}], "deep": {"er": {"est": 1}, "k": 2}},
        "a key": 1, 'qu"ote': 2, "dot.ted": 3, "da-sh": 4, "list": ["p", "q", None, ["r"]], "ключ": "да",
    }  # fmt: skip
    assert dict.fromkeys(scalars(state)) == dict.fromkeys(
        [
            ("name", "Ada"), ("on", "true"), ("off", "false"), ("n", "42"), ("x", "1.5"), ("dot.ted", "3"),
            ("da-sh", "4"), ("list", "p"), ("list", "q"), ("ключ", "да"), ("cart.total", "42"), ("cart.items.sku", "a"),
            ("cart.items.sku", "b"), ("cart.deep.k", "2"),
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("metadata", "tags"),
    [
        (None, []),
        ({}, []),
        ({"tags": ["vip", "Nord", 5, None, "vip"]}, ["vip", "Nord"]),
        ({"tags": "a, b ,,c"}, ["a", "b", "c"]),
        ({"tag": "one"}, ["one"]),
        ({"tags": {"a": 1}, "tag": 7}, []),
        ({"tags": ["x" * 500]}, ["x" * 100]),
        ({"tags": [str(at) for at in range(999)]}, [str(at) for at in range(50)]),
    ],
)
def test_tags(metadata: object, tags: list[str]) -> None:
    assert tags_of(Session.from_dict({"metadata": metadata})) == tags


def test_terms_of_a_session() -> None:
    session = Session.from_dict(
        {"session_data": {"session_state": {"cart": {"total": 42}}}, "metadata": {"Tenant": "ACME", "bad\ud800": "x\0"}}
    )
    runs = [
        CatalogRun(kind="agent", status="ERROR", model="gpt-5", traits=["image", "copies"]),
        CatalogRun(kind="agent", status="PAUSED", model="gpt-5", traits=["reasoning"]),
    ]
    values = {
        **NOTHING, "tool_calls_by_name": {"Wire": 2, "": 1}, "topics": ["late refunds"], "tags": ["vip"],
        "health": ["bad_runs"], "model": "gpt-5", "has_summary": True,
    }  # fmt: skip
    assert terms_of(session, runs, values) == {
        "tool:Wire", "tool~:wire", "tool:", "model:gpt-5", "topic:late refunds", "tag:vip", "has:image",
        "has:reasoning", "has:error", "has:paused", "has:summary", "health:bad_runs", "state.cart.total:42",
        "meta.Tenant:ACME", "meta.Tenant~:acme",
    }  # fmt: skip


def test_terms_are_few_however_much_is_stored() -> None:
    wide = {f"k{at}": {f"j{other}": other for other in range(100)} for at in range(300)}
    session = Session.from_dict({"session_data": {"session_state": wide}, "metadata": {"list": list(range(9999))}})
    found = terms_of(session, [], {**NOTHING, "topics": [str(at) for at in range(999)]})
    assert sum(term.startswith("state.") for term in found) == MOST_SCALARS
    assert sum(term.startswith("meta.") for term in found) == MOST_SCALARS
    assert sum(term.startswith("topic:") for term in found) == 200
