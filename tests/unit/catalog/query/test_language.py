"""The query language: what a text means, how it is printed, and where it says a mistake is."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.catalog.query.errors import QueryError
from agentos.catalog.query.fields import FIELDS, KEYED, Field, Takes, field_of
from agentos.catalog.query.parser import MAX_CHARACTERS, MAX_DEPTH, MAX_TERMS, parse
from agentos.catalog.query.printer import printed
from agentos.catalog.query.tree import (
    Ago,
    And,
    Between,
    Compare,
    Day,
    DaysBack,
    Exact,
    Missing,
    Moment,
    Node,
    Not,
    Or,
    Prefix,
    Term,
    Words,
    all_of,
    any_of,
)

DOCUMENTATION = Path(__file__).parents[4] / "docs" / "query-language.md"
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
DAYS = st.builds(Day, st.dates())
MOMENTS: st.SearchStrategy[Moment] = st.one_of(
    DAYS,
    st.builds(DaysBack, st.integers(0, 1)),
    st.builds(Ago, st.integers(0, 9999), st.sampled_from("mhdw")),
)
NUMBERS = st.builds(
    lambda whole, part: Decimal(format(Decimal(f"{whole}.{part}").normalize(), "f")),
    st.integers(0, 10**15 - 1),
    st.integers(0, 999),
)
OPERATORS = st.sampled_from(["=", ">", ">=", "<", "<="])


def one_of_them(field: Field | None) -> Field:
    assert field is not None
    return field


def asked_of(field: Field) -> st.SearchStrategy[object]:
    nothing = [st.just(Missing())] if field.has_none else []
    match field.takes:
        case Takes.TEXT:
            return st.one_of(st.builds(Exact, TEXTS), st.builds(Prefix, TEXTS), *nothing)
        case Takes.CHOICE:
            return st.one_of(st.sampled_from([*field.choices.values()]).map(Exact), *nothing)
        case Takes.NUMBER:
            return st.one_of(st.builds(Compare, OPERATORS, NUMBERS), st.builds(Between, NUMBERS, NUMBERS), *nothing)
    bare = st.builds(Compare, st.just("="), MOMENTS)
    days = st.builds(Compare, OPERATORS, DAYS)
    return st.one_of(bare, days, st.builds(Between, DAYS, DAYS)) if field.name == "updated" else bare


KEYS = st.text("aZ0_-.ключ", min_size=1, max_size=9)
KEYED_FIELDS = st.builds(lambda name, path: field_of(f"{name}.{path}"), st.sampled_from([*KEYED]), KEYS)
FIELDS_ASKED = st.one_of(st.sampled_from([*FIELDS.values()]), KEYED_FIELDS.map(one_of_them))
TERMS = FIELDS_ASKED.flatmap(lambda one: st.builds(Term, st.just(one.name), asked_of(one)))
LEAVES: st.SearchStrategy[Node] = st.one_of(st.builds(Words, TEXTS.filter(bool), st.booleans()), TERMS)
TREES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda nodes: all_of(nodes) or nodes[0]),
        st.lists(inner, min_size=2, max_size=3).map(lambda nodes: any_of(nodes) or nodes[0]),
    ),
    max_leaves=10,
)


@given(TREES)
def test_what_is_printed_is_parsed_to_the_same(tree: Node) -> None:
    try:
        again = parse(printed(tree))
    except QueryError as error:
        assert "deep" in error.sentence
        return
    assert again == tree
    assert printed(again) == printed(tree)


@given(st.one_of(st.text(max_size=60), st.text('ab:*-()"\\ orOR<>=.1k\0\n', max_size=60)))
def test_any_text_is_a_query_or_a_mistake_in_its_place(text: str) -> None:
    try:
        tree = parse(text)
    except QueryError as error:
        assert len(error.sentence) < 200
        assert error.start >= 0 and error.start + error.length <= len(text) and error.length > 0
        return
    assert parse(printed(tree)) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", None),
        ("  \n\0", None),
        ("Lisbon", Words("Lisbon")),
        ("a b", And((Words("a"), Words("b")))),
        ('"a b"', Words("a b")),
        (r'"say \"hi\" \\"', Words('say "hi" \\')),
        ("a or b c", Or((Words("a"), And((Words("b"), Words("c")))))),
        ("a OR b", Or((Words("a"), Words("b")))),
        ('"or"', Words("or")),
        ("order", Words("order")),
        ("-(a or b)", Not(Or((Words("a"), Words("b"))))),
        ("cat*", Words("cat", prefix=True)),
        ('"a b"*', Words("a b", prefix=True)),
        ("or*", Words("or", prefix=True)),
        ("well-known 10:30", And((Words("well-known"), Words("10:30")))),
        ("user:bob", Term("user", Exact("bob"))),
        ("USER:Bob", Term("user", Exact("Bob"))),
        ("user:bo*", Term("user", Prefix("bo"))),
        ('user:"b o"*', Term("user", Prefix("b o"))),
        ('user:"bo*"', Term("user", Exact("bo*"))),
        ("user:none", Term("user", Missing())),
        ('user:"none"', Term("user", Exact("none"))),
        ("tool:none", Term("tool", Exact("none"))),
        ("status:Error", Term("status", Exact("ERROR"))),
        ('status:"Odd one"', Term("status", Exact("Odd one"))),
        ("tag:vip", Term("tag", Exact("vip"))),
        ("has:image", Term("has", Exact("image"))),
        ("State.Cart.Total:42", Term("state.Cart.Total", Exact("42"))),
        ("-meta.da-sh:x*", Not(Term("meta.da-sh", Prefix("x")))),
        ('meta.a.b:"none"', Term("meta.a.b", Exact("none"))),
        ("tokens:>1k", Term("tokens", Compare(">", Decimal(1000)))),
        ("tokens:10..20", Term("tokens", Between(Decimal(10), Decimal(20)))),
        ("duration:1.5m", Term("duration", Compare("=", Decimal(90)))),
        ("size:>=4KB", Term("size", Compare(">=", Decimal(4000)))),
        ("cost:<=0.50", Term("cost", Compare("<=", Decimal("0.5")))),
        ("after:7d", Term("after", Compare("=", Ago(7, "d")))),
        ("before:today", Term("before", Compare("=", DaysBack(0)))),
        ("updated:<2026-11-30", Term("updated", Compare("<", Day(date(2026, 11, 30))))),
    ],
)  # fmt: skip
def test_meaning(text: str, tree: Node | None) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "wrong", "said"),
    [
        ("cats user:", "user:", "needs a value"),
        ("user: bob", "user:", "without a space"),
        ("user:(a or b)", "user:", "needs a value"),
        ("(cats", "(", "not closed"),
        ("cats)", ")", "No bracket is open"),
        ("cats ()", ")", "nothing between"),
        ('cats "dogs', '"dogs', "not closed"),
        ('cats ""', '""', "nothing between"),
        ("cats or", "or", "both sides"),
        ("or cats", "or", "both sides"),
        ("cats or or dogs", "or", "both sides"),
        ("cats -", "-", "nothing follows"),
        ("--cats", "-cats", "quotes"),
        ("colour:blue", "colour:blue", "no field"),
        ("http://example.com", "http://example.com", "in quotes"),
        ("pk__in:1", "pk__in:1", "no field"),
        ("user__password__startswith:a", "user__password__startswith:a", "no field"),
        ("user:b*b", "*", "only at the end"),
        ("c*t", "c*t", "only at its end"),
        ("*", "*", "Nothing is before"),
        ("type:robot", "robot", "agent, team, workflow"),
        ("tokens:many", "many", "takes a number"),
        ("tokens:5x", "5x", "no unit"),
        ("tokens:-5", "-5", "takes a number"),
        ("tokens:1e9", "1e9", "takes a number"),
        ("tokens:٣", "٣", "takes a number"),
        ("cost:1k", "1k", "none"),
        ("size:999999999999999GB", "999999999999999GB", "larger"),
        ("has:*", "*", "not the beginning"),
        ("after:2026-13-01", "2026-13-01", "2026-11-30"),
        ("after:>7d", ">7d", "a time alone"),
        ("after:today..today", "today..today", "updated:"),
        ("updated:<7d", "<7d", "before:7d"),
        ("state:red", "state:", "Name the key"),
        ("cats meta.da-sh:", "meta.da-sh:", "needs a value"),
        ("cats state.a.b: (c)", "state.a.b:", "needs a value"),
        ("tool.name:x", "tool.name:x", "no field"),
        ("health:odd", "odd", "bad_runs"),
    ],
)  # fmt: skip
def test_mistakes_are_pointed_at(text: str, wrong: str, said: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(text)
    error = raised.value
    assert text[error.start : error.start + error.length] == wrong
    assert said in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "x" * (MAX_CHARACTERS + 1), "(" * 2000 + ")" * 2000, "-(" * 1300, "(" * (MAX_DEPTH + 1), "a " * (MAX_TERMS + 1),
        '"' + "\\" * 3999, "a or " * 700 + "a", "user:a " * 500,
    ],
)  # fmt: skip
def test_limits(text: str) -> None:
    with pytest.raises(QueryError):
        parse(text)


def test_what_is_just_allowed() -> None:
    assert parse("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH) == Words("a")
    assert parse("a " * MAX_TERMS) is not None
    assert parse("x" * MAX_CHARACTERS) is not None


def test_every_example_of_the_documentation_is_a_query() -> None:
    text = DOCUMENTATION.read_text()
    examples = re.findall(r"^    (.+?)(?:  +.*)?$", text, re.M)
    assert len(examples) > 30
    for example in examples:
        assert parse(printed(parse(example))) == parse(example), example
    for name, field in (FIELDS | KEYED).items():
        assert f"`{name}.key:`" in text if name in KEYED else f"`{name}:`" in text
        assert parse(field.example) is not None
        assert all(f"`{choice}`" in text for choice in field.choices if name in ("has", "is", "health"))
