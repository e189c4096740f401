"""The query language against a recount by hand of every session, on the corpus and on made-up rows."""

import json
import operator
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog.facets import counts
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.query.completion import completion
from agentos.catalog.query.fields import FIELDS, Takes
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.parser import parse
from agentos.catalog.query.printer import printed
from agentos.catalog.query.tree import (
    And,
    Between,
    Compare,
    Exact,
    Missing,
    Node,
    Not,
    Or,
    Prefix,
    Term,
    Test,
    Words,
    all_of,
    any_of,
)
from agentos.catalog.sizes import COPIES
from agentos.catalog.sync import refresh_source
from agentos.catalog.text.words import words_of
from agentos.db.reader import Reader
from agentos.db.sources import Source
from tests.conftest import Person
from tests.factories import add_terms, make_session
from tests.looking import says

pytestmark = pytest.mark.django_db
NUMBERS = {
    "tokens": "total_tokens", "runs": "top_level_run_count", "tools": "tool_call_count", "errors": "error_count",
    "tool_errors": "tool_error_count", "cost": "cost", "duration": "duration", "size": "stored_bytes",
}  # fmt: skip
COMPARED = {"=": operator.eq, ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
HOSTILE = [
    '"',
    "'",
    "%",
    "_",
    "$",
    "\\",
    "a'b\"c",
    "x' OR 1=1--",
    "$.*",
    "!",
    "%s",
    "%(a)s",
    "{}",
    "]",
    "--",
    ";",
    "[0]",
]


@pytest.fixture
def corpus(sources: Callable[[str], list[Source]], corpus_file: Callable[[str], Path]) -> list[CatalogSession]:
    [source] = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    refresh_source(source)
    for session in Reader(source).sessions(list(CatalogSession.objects.values_list("session_id", flat=True))):
        found = STORED[str(session.session_id)] = {}
        texts_in(session.session_state or {}, "state", found)
        texts_in(session.metadata or {}, "meta", found)
        found["fork_of"] = [session.forked_from_session_id] if session.forked_from_session_id else []
    return list(CatalogSession.objects.prefetch_related("runs", "texts"))


def ids(text: str) -> set[int]:
    return set(CatalogSession.objects.filtered(ListQuery.of(parse(text))).values_list("pk", flat=True))


def values(row: CatalogSession, name: str) -> list[str | None]:
    """What a field of text or choice is compared with."""
    runs = row.runs.all()
    match name:
        case "user":
            return [row.user_id]
        case "id":
            return [row.session_id]
        case "agent" | "team" | "workflow" | "component":
            fits = name in ("component", row.session_type)
            return [row.component_id, row.component_name] if fits else []
        case "type":
            return [row.session_type or None]
        case "source":
            return [row.source]
        case "status":
            return [row.last_status or None]
        case "model":
            return [row.model, *(run.model for run in runs if run.model)]
        case "tool":
            return [*row.tool_calls_by_name]
        case "topic":
            return [*row.topics]
        case "tag":
            return [*row.tags]
        case "health":
            return [*row.health]
        case "has":
            statuses = {run.status for run in runs}
            traits = {trait for run in runs for trait in run.traits} - {COPIES}
            others = {"error": "ERROR" in statuses, "paused": "PAUSED" in statuses, "summary": row.has_summary}
            return [*traits, *(word for word, is_so in others.items() if is_so)]
    return STORED[row.session_id].get(name, [])


# Texts of the scalars in state and metadata of each session, read from the source: `state.cart.total` to its values.
STORED: dict[str, dict[str, list[str | None]]] = {}


def texts_in(value: Any, path: str, found: dict[str, list[str | None]], depth: int = 0) -> None:
    match value:
        case dict() if depth < 3:
            for key, item in value.items():
                texts_in(item, f"{path}.{key}", found, depth + 1)
        case list():
            for item in value:
                texts_in(item, path, found, depth)
        case bool() | int() | float():
            found.setdefault(path, []).append(json.dumps(value))
        case str() if 0 < len(value) <= 100:
            found.setdefault(path, []).append(value)


def fits(row: CatalogSession, name: str, test: Test) -> bool:
    if name in NUMBERS:
        number = getattr(row, NUMBERS[name])
        known = number is not None
        match test:
            case Missing():
                return not known
            case Compare(op, Decimal() as bound):
                return known and bool(COMPARED[op](Decimal(number), Decimal(float(bound))))
            case Between(Decimal() as low, Decimal() as high):
                return known and Decimal(float(low)) <= Decimal(number) <= Decimal(float(high))
    found = values(row, name)
    match test:
        case Exact(text):
            return text in found
        case Prefix(text):
            return any(value is not None and value.lower().startswith(text.lower()) for value in found)
    return found[0] is None


def matches(row: CatalogSession, node: Node) -> bool:
    match node:
        case Words(text, prefix):
            return says(row, text, prefix=prefix)
        case Term(name, test):
            return fits(row, name, test)
        case Not(part):
            return not matches(row, part)
        case And(parts):
            return all(matches(row, part) for part in parts)
        case Or(parts):
            return any(matches(row, part) for part in parts)


class Asker:
    """Makes up queries out of what the rows hold."""

    def __init__(self, rows: list[CatalogSession]) -> None:
        self.rows, self.random = rows, Random(19)

    def leaf(self) -> Node:
        row, random = self.random.choice(self.rows), self.random
        keyed = random.choice([*STORED[row.session_id], "state.unknown"])
        plain = (name for name, one in FIELDS.items() if one.takes is not Takes.TIME)
        name = random.choice([*plain, keyed, keyed, "", ""])
        if not name:
            words = [word for word in f"{row.title} {row.user_id} {row.component_name}".split() if word.isascii()]
            return Words(random.choice(words)[: random.randint(1, 9)], prefix=random.random() < 0.5)
        if name in NUMBERS:
            return Term(name, self.amount(name))
        known = [value for value in values(row, name) if value and value.isascii()]
        if not known or random.random() < 0.1:
            return Term(name, Missing()) if name in FIELDS and FIELDS[name].has_none else Words("e")
        value = random.choice(known)
        if (name not in FIELDS or FIELDS[name].takes is Takes.TEXT) and random.random() < 0.4:
            return Term(name, Prefix(value[: random.randint(0, 6)].swapcase()))
        return Term(name, Exact(value))

    def amount(self, name: str) -> Test:
        def number() -> Decimal:
            known = getattr(self.random.choice(self.rows), NUMBERS[name])
            return abs(round(Decimal(known or 0), 3)) + self.random.choice([Decimal(0), Decimal(1), Decimal("0.5")])

        if FIELDS[name].has_none and self.random.random() < 0.1:
            return Missing()
        if self.random.random() < 0.2:
            return Between(*sorted((number(), number())))
        return Compare(self.random.choice(["=", ">", ">=", "<", "<="]), number())

    def tree(self, depth: int = 3) -> Node:
        if depth == 0 or self.random.random() < 0.3:
            return self.leaf()
        if self.random.random() < 0.3:
            return Not(self.tree(depth - 1))
        join = self.random.choice([all_of, any_of])
        parts = [self.tree(depth - 1) for _ in range(self.random.randint(2, 3))]
        return join(parts) or parts[0]


def test_every_query_finds_what_a_recount_finds(corpus: list[CatalogSession]) -> None:
    asker, sizes = Asker(corpus), set()
    for depth in (0, 0, 1, 3) * 100:
        text = printed(asker.tree(depth))
        node = parse(text)
        assert node is not None
        expected = {row.pk for row in corpus if matches(row, node)}
        assert ids(text) == expected, text
        sizes.add(len(expected))
    assert len(sizes) > 15  # neither nothing nor everything all the time


def test_facets_count_what_choosing_them_finds(corpus: list[CatalogSession]) -> None:
    query = ListQuery.of(parse("(type:agent or type:team) tokens:>0"))
    for name in ("type", "status", "source", "user", "component"):
        for value in counts(CatalogSession.objects.all(), query).values[name]:
            if name == "component" and value.value == "none":
                continue
            chosen = ListQuery.of(all_of([*query.without(name).parts, value.term]))
            assert CatalogSession.objects.filtered(chosen).count() == value.count, value


class TestMeaning:
    def test_unknown_is_never_0(self) -> None:
        unknown = make_session(total_tokens=None, cost=None, duration=None).pk
        zero = make_session(total_tokens=0, cost=0.0, duration=0.0).pk
        for name in ("tokens", "cost", "duration"):
            assert ids(f"{name}:0") == ids(f"{name}:<1") == ids(f"{name}:<=0") == ids(f"{name}:0..5") == {zero}
            assert ids(f"{name}:>0") == set()
            assert ids(f"-{name}:0") == ids(f"{name}:none") == {unknown}
            assert ids(f"-(-{name}:0)") == ids(f"-{name}:none") == {zero}
            assert ids(f"-{name}:>0") == ids(f"-({name}:>0 or {name}:<0.5 -{name}:0)") == {zero, unknown}

    def test_times(self) -> None:
        day = 1_795_996_800  # 2026-11-30
        before, first, last, after, never = (
            make_session(updated_at=at).pk for at in (day - 1, day, day + 86_399, day + 86_400, 0)
        )
        assert ids("updated:2026-11-30") == ids("updated:2026-11-30..2026-11-30") == {first, last}
        assert ids("after:2026-11-30") == ids("updated:>=2026-11-30") == {first, last, after}
        assert ids("before:2026-11-30") == ids("updated:<2026-11-30") == {before}
        assert ids("updated:>2026-11-30") == {after}
        assert ids("updated:<=2026-11-30") == {before, first, last}
        assert never in ids("-updated:<=2026-11-30")
        for extreme in ("after:0001-01-01", "before:9999-12-31", "updated:9999w", "updated:0001-01-01..9999-12-31"):
            ids(extreme)

    @pytest.mark.parametrize("now", ["2026-11-30T12:00:00Z"])
    def test_times_before_now(self, now: str, time_machine: Any) -> None:
        time_machine.move_to(now, tick=False)
        noon = 1_795_996_800 + 43_200
        today, yesterday, week, older = (
            make_session(updated_at=noon - hours * 3600).pk for hours in (1, 13, 24 * 7, 24 * 7 + 1)
        )
        assert ids("updated:today") == ids("after:today") == {today}
        assert ids("updated:yesterday") == {yesterday}
        assert ids("after:7d") == ids("updated:1w") == ids("updated:168h") == {today, yesterday, week}
        assert ids("before:7d") == {older}

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_texts_are_texts(self, text: str) -> None:
        there = {
            make_session(
                user_id=text, title=text, component_id=text, session_type=text, source=text, last_status=text,
                model=text, tool_calls_by_name={text: 1}, topics=[text], session_id=text,
            ).pk
        }  # fmt: skip
        make_session(tool_calls_by_name={"abc": 1}, topics=["abc"], model="abc")
        for name in ("user", "component", "status", "type", "model", "tool", "topic", "id", "source"):
            for test in (Exact(text), Prefix(text)):
                if isinstance(test, Exact) or FIELDS[name].takes is Takes.TEXT:
                    assert ids(printed(Term(name, test))) == there, (name, test)
        named = there if words_of(text) else set()
        assert ids(printed(all_of([Words(text), Term("user", Exact(text))]))) == named

    def test_numbers_at_the_end_of_their_range(self) -> None:
        top = make_session(total_tokens=2**63 - 1, top_level_run_count=2**31 - 1, cost=1e300).pk
        big = "900000000000000M"
        for text in ("runs:<900000000000M", "tokens:>999999999999999", "cost:>999999999999999"):
            assert ids(text) == {top}
        assert ids("runs:>900000000000M") == ids("runs:=900000000000M") == set()
        with pytest.raises(Exception, match="larger"):
            parse(f"tokens:{big}")

    def test_a_session_is_found_once_however_many_runs_match(self) -> None:
        row = make_session(model="b")
        CatalogRun.objects.bulk_create(
            CatalogRun(session=row, ordinal=at, root_ordinal=at, position=at, kind="agent", model="a", status="PAUSED")
            for at in range(5)
        )
        add_terms(row)
        for text in ("model:a", "model:b", "has:paused", "model:a has:paused", "model:a*"):
            assert [one.pk for one in CatalogSession.objects.filtered(ListQuery.of(parse(text)))] == [row.pk]


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(f"w{at}" for at in range(100)),
        " ".join(f"-w{at}" for at in range(100)),
        " or ".join(f"model:m{at}*" for at in range(100)),
        "-(" * 12 + " ".join(f"component:m{at}* or x" for at in range(40)) + ")" * 12,
        " or ".join(f"(tool:t{at}* or -topic:x*) c" for at in range(33)),
    ],
)
def test_the_largest_queries_are_answered(text: str) -> None:
    row, query = make_session(topics=["y"], title="c"), ListQuery.of(parse(text))
    assert query.node is not None
    assert ids(text) == ({row.pk} if matches(row, query.node) else set())
    counts(CatalogSession.objects.all(), query)


class TestPrivacy:
    """Nobody learns of sessions that are not theirs, whatever they ask."""

    QUERIES = ("user:bob", "-user:bob", "user:*", "a or user:bob", "-zzz", "-(user:alice*)", "tool:secret", "-tool:x",
               "model:hidden", "topic:classified", "user:none or -user:none", "id:*")  # fmt: skip

    @pytest.fixture(autouse=True)
    def rows(self) -> None:
        make_session()
        make_session(
            user_id="bob",
            session_type="team",
            component_name="Hidden crew",
            source="vault",
            model="hidden",
            tool_calls_by_name={"secret": 1},
            topics=["classified"],
        )
        make_session(user_id=None, model="hidden")

    def test_results_and_facets(self, owner: Person, stranger: Person) -> None:
        for text in self.QUERIES:
            query = ListQuery.of(parse(text))
            for person in (owner, stranger):
                seen = CatalogSession.objects.visible_to(person.user)
                assert {row.user_id for row in seen.filtered(query)} <= {"alice@example.com"}
                counted = counts(seen, query)
                for group in ("source", "type", "status", "component", "user"):
                    assert sum(value.count for value in counted.values[group]) <= 1

    def test_completion(self, owner: Person, viewer: Person, stranger: Person, client: Any) -> None:
        def suggested(person: Person, text: str) -> list[str]:
            answer = person.client.get("/sessions/complete/", {"q": text}).json()
            return [one["text"] for one in answer["suggestions"]]

        for name in ("user", "team", "component", "source", "model", "tool", "topic"):
            hidden = {"user:bob", 'team:"Hidden crew"', 'component:"Hidden crew"', "source:vault", "model:hidden",
                      "tool:secret", "topic:classified"}  # fmt: skip
            assert set(suggested(viewer, f"{name}:")) & hidden
            assert not set(suggested(owner, f"{name}:")) & hidden
            assert not [one for one in suggested(stranger, f"{name}:") if not one.endswith(":none")]
        assert client.get("/sessions/complete/", {"q": "user:"}).status_code == 302


class TestCompletion:
    @pytest.mark.parametrize(
        ("text", "start", "expected"),
        [
            ("to", 0, ["tokens:", "tools:", "tool:", "tool_errors:", "topic:"]),
            ("cats -us", 6, ["user:"]),
            ("(user:", 1, ["user:alice@example.com", 'user:"bob smith"', "user:none"]),
            ('user:"bob s', 0, ['user:"bob smith"']),
            ("user:SMI", 0, ['user:"bob smith"']),
            ("status:e", 0, ["status:error"]),
            ("after:to", 0, ["after:today"]),
            ("tool:wi", 0, ["tool:wire_money", "tool:send_widget"]),
            ('agent:"', 0, ['agent:"Trip Planner"']),
            ("tokens:", 0, ["tokens:none"]),
            ("runs:", 0, []),
            ("nothing:", 0, []),
            ('"in quotes us', 0, []),
            ("user:bob*", 0, []),
        ],
    )
    def test_suggestions(self, text: str, start: int, expected: list[str]) -> None:
        make_session(tool_calls_by_name={"wire_money": 1, "send_widget": 2})
        make_session(tool_calls_by_name={"wire_money": 1})
        make_session(user_id="bob smith", updated_at=5)
        found = completion(CatalogSession.objects.all(), text)
        assert [one.text for one in found.suggestions] == expected or (
            set(expected) == {one.text for one in found.suggestions} and text == "to"
        )
        assert found.start == start or not expected

    def test_one_statement_and_any_text(self) -> None:
        make_session(user_id="x" * 5000)
        for text in ["", "user:", "a" * 5000, "(" * 900, '"', "\\", "user:\0", 'tool:"\\', *HOSTILE]:
            with CaptureQueriesContext(connection) as asked:
                found = completion(CatalogSession.objects.all(), text)
            assert len(asked) <= 1
            for one in found.suggestions:
                assert one.text.endswith(":") or parse(one.text)
