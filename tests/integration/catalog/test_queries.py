"""What lists ask of the catalog: who sees what, filters, counts, windows; and that no source is touched for it."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection, connections
from django.http import QueryDict

from agentos.access.roles import Role, give_role
from agentos.catalog.counting import BARS
from agentos.catalog.facets import TOP, Counts, counts
from agentos.catalog.keys import clean, index_key
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.tree import Exact, Term
from agentos.catalog.sync import refresh_source
from agentos.catalog.text.extract import Part
from agentos.catalog.text.store import Texts, write
from agentos.catalog.windows import find_run, outline, top_level_window
from agentos.db.sources import Source
from tests.conftest import Person

pytestmark = pytest.mark.django_db
ALICE = "alice@example.com"
LONG = "u" * 9000
NOW = 1_790_000_000


def session(name: str, **values: Any) -> CatalogSession:
    """A row as it would be derived; keys follow from ids."""
    for column in ("user", "component"):
        if values.get(f"{column}_id") is not None:
            values[f"{column}_key"] = index_key(values[f"{column}_id"])
    given = {"source": "lab", "session_type": "agent", "last_status": "COMPLETED", "updated_at": NOW} | values
    row = CatalogSession.objects.create(session_id=name, session_key=index_key(name), **given)
    shown = (row.title, row.preview, row.session_id, row.user_id, row.component_id)
    write([Texts(row.pk, None, row.updated_at, [Part("name", None, clean("\n".join(filter(None, shown))))])])
    return row


def found(query: str) -> set[str]:
    filters = ListQuery.from_url(QueryDict(query))
    return {row.session_id for row in CatalogSession.objects.filtered(filters)}


@pytest.fixture
def rows() -> None:
    session("a", user_id="bob", component_id="helper", title="Flight to 東京", last_status="ERROR", error_count=1)
    session("b", user_id=LONG, component_id="crew", session_type="team", preview="100% of it_all", updated_at=NOW - 9)
    session("c", component_id="flow", session_type="workflow", source="other", last_status="PAUSED")
    session("d-Ünïcode", updated_at=NOW - 90 * 86_400, last_status="")


@pytest.mark.usefixtures("rows")
class TestFiltered:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", "abcd"),
            ("type=team", "b"),
            ("type=team&type=workflow", "bc"),
            ("source=other", "c"),
            ("source=nowhere", ""),
            ("user=bob", "a"),
            ("user=(none)", "cd"),
            ("user=(none)&user=bob", "acd"),
            ("user=Bob", ""),
            ("user=bo%25", ""),
            ("component=helper&component=crew", "ab"),
            ("status=ERROR", "a"),
            ("status=none", "d"),
            ("type=agent&status=ERROR&user=bob", "a"),
            ("q=flight", "a"),
            ("q=東京", "a"),
            ("q=100%25", "b"),
            ("q=%25", ""),
            ("q=it_all", "b"),
            ("q=___", ""),
            ("q=BOB", "a"),
            ("q=d-", "d"),
            ("q=' OR 1=1--", ""),
            ("from=2026-09-21&to=2026-09-21", "abc"),
            ("to=2026-09-20", "d"),
        ],
    )
    def test_by(self, query: str, expected: str) -> None:
        assert {name[0] for name in found(query)} == set(expected)

    def test_a_long_id_is_found_by_itself_and_by_its_facet(self) -> None:
        everything = ListQuery()
        [value] = [
            one.value for one in counts(CatalogSession.objects.all(), everything).values["user"] if one.value[0] == "u"
        ]
        assert len(value) < 300
        for user in (value, LONG):
            filters = ListQuery.of(Term("user", Exact(user)))
            assert [row.session_id for row in CatalogSession.objects.filtered(filters)] == ["b"]

    def test_unknown_names_filter_nothing(self) -> None:
        assert len(found("_connector=OR&_negated=1&pk__in=1&user__password__startswith=a&metadata__x'=1")) == 4


@pytest.mark.usefixtures("rows")
class TestVisibleTo:
    def seen_by(self, user: User | AnonymousUser) -> set[str]:
        return {row.session_id for row in CatalogSession.objects.visible_to(user)}

    def test_unbound_people_see_all(self, viewer: Person, admin: Person) -> None:
        assert len(self.seen_by(viewer.user)) == len(self.seen_by(admin.user)) == 4

    def test_bound_people_see_exactly_theirs(self, owner: Person, stranger: Person) -> None:
        session("alice", user_id=ALICE)
        for other in (f"{ALICE} ", ALICE.upper(), f"{ALICE}\0", "", "%", None):
            session(f"of {other!r}", user_id=other)
        assert self.seen_by(owner.user) == {"alice"}
        assert self.seen_by(stranger.user) == set()

    def test_no_filter_widens_it(self, owner: Person) -> None:
        session("alice", user_id=ALICE)
        for query in ("user=bob", "user=(none)&user=bob", "q=a", f"user={ALICE}"):
            filters = ListQuery.from_url(QueryDict(query))
            seen = CatalogSession.objects.visible_to(owner.user).filtered(filters)
            assert {row.session_id for row in seen} <= {"alice"}
            for group in ("source", "type", "status", "component", "user"):
                counted = counts(CatalogSession.objects.visible_to(owner.user), filters).values[group]
                assert sum(value.count for value in counted) <= 1

    def test_without_a_role_nobody_sees_anything(self) -> None:
        nobody = User.objects.create_user("nobody")
        inactive = User.objects.create_user("gone", is_active=False)
        give_role(inactive, Role.ADMIN)
        for user in (nobody, inactive, AnonymousUser()):
            assert self.seen_by(user) == set()


@pytest.mark.usefixtures("rows")
class TestCounts:
    def test_each_facet_is_counted_without_its_own_filter(self) -> None:
        counted = counts(CatalogSession.objects.all(), ListQuery.of(Term("type", Exact("team"))))
        assert {value.value: value.count for value in counted.values["type"]} == {"agent": 2, "team": 1, "workflow": 1}
        assert [value.value for value in counted.values["type"] if value.chosen] == ["team"]
        assert [value.value for value in counted.values["component"]] == ["crew"]
        assert [value.count for value in counted.values["user"]] == [1]

    def test_the_most_frequent_come_first_and_the_rest_is_said(self) -> None:
        for at in range(TOP + 5):
            session(f"x{at}", user_id=f"user{at}")
        session("again", user_id="user24")
        counted = counts(CatalogSession.objects.all(), ListQuery())
        assert len(counted.values["user"]) == TOP and "user" in counted.more and "type" not in counted.more
        assert "user24" in [value.value for value in counted.values["user"][:2]]

    @pytest.mark.parametrize("query", ["", "type=agent&status=ERROR&user=bob", "since=7d&from=2026-01-01"])
    def test_everything_beside_a_list_takes_one_statement(
        self, query: str, django_assert_num_queries: Callable[[int], Any]
    ) -> None:
        extra = 2 if connection.vendor == "postgresql" else 0  # the limit of time is set and taken back
        with django_assert_num_queries(1 + (extra and extra + 2)):
            counts(CatalogSession.objects.all(), ListQuery.from_url(QueryDict(query)))

    @pytest.mark.parametrize(
        "query", ["", "type=agent&status=ERROR", "status=none&source=lab", "type=team&type=agent&q=a"]
    )
    def test_facets_counted_together_count_as_one_by_one(self, query: str) -> None:
        filters = ListQuery.from_url(QueryDict(query))
        found = counts(CatalogSession.objects.all(), filters)
        for name, column in (("source", "source"), ("type", "session_type"), ("status", "last_status")):
            rows = CatalogSession.objects.filtered(filters.without(name)).values_list(column, flat=True)
            expected = Counter(value or "none" for value in rows)
            assert {value.value: value.count for value in found.values[name]} == dict(expected)

    def test_histogram(self) -> None:
        counted = counts(CatalogSession.objects.all(), ListQuery())
        assert (counted.sessions, counted.errors) == (4, 1)
        bars = counted.histogram.bars
        assert sum(bar.count for bar in bars) == 4 and sum(bar.errors for bar in bars) == 1
        assert len(bars) <= BARS

    @pytest.mark.parametrize("times", [[0], [-5], [9_999_999_999_999], [1, NOW, 99_000_000_000], [-1, 0, 1]])
    def test_histogram_of_odd_times(self, times: list[int]) -> None:
        CatalogSession.objects.all().delete()
        for at, when in enumerate(times):
            session(f"s{at}", updated_at=when)
        counted = counts(CatalogSession.objects.all(), ListQuery())
        assert counted.sessions == len(times) and len(counted.histogram.bars) <= BARS

    def test_the_range_of_days_leaves_its_surroundings_in_the_histogram(self) -> None:
        counted = counts(CatalogSession.objects.all(), ListQuery.from_url(QueryDict("from=2026-09-21&to=2026-09-21")))
        assert counted.sessions == 3 and sum(bar.count for bar in counted.histogram.bars) == 4

    def test_nothing_to_count(self) -> None:
        counted = counts(CatalogSession.objects.none(), ListQuery())
        assert counted == Counts()


def runs(row: CatalogSession, members: list[int]) -> None:
    """A root with so many members for each number, in depth-first order."""
    made: list[CatalogRun] = []
    for count in members:
        root = len(made)
        for at in range(count + 1):
            made.append(CatalogRun(session=row, ordinal=root + at, root_ordinal=root, depth=min(at, 1), position=root,
                                   run_id=f"r{root + at}", run_key=f"r{root + at}", kind="agent"))  # fmt: skip
    CatalogRun.objects.bulk_create(made)


class TestWindow:
    def test_walking_back_and_forth(self) -> None:
        row = session("s")
        runs(row, [1] * 23)
        newest = top_level_window(row, limit=10)
        assert [tree.number for tree in newest.trees] == list(range(14, 24))
        assert (newest.total, newest.newer) == (23, None)

        older = top_level_window(row, before=newest.older, limit=10)
        oldest = top_level_window(row, before=older.older, limit=10)
        assert [tree.number for tree in oldest.trees] == [1, 2, 3] and oldest.older is None
        again = top_level_window(row, after=oldest.newer, limit=10)
        assert [tree.root.ordinal for tree in again.trees] == [tree.root.ordinal for tree in older.trees]
        assert all([run.root_ordinal for run in tree.below] == [tree.root.ordinal] for tree in again.trees)

    def test_a_root_with_thousands_below_hides_no_others(self) -> None:
        row = session("s")
        runs(row, [5000, 3, 0, 250])
        window = top_level_window(row)
        assert [(len(tree.below), tree.left_out) for tree in window.trees] == [(200, 4800), (3, 0), (0, 0), (200, 50)]

    @pytest.mark.parametrize("place", [{"before": -1}, {"after": 10**6}, {"before": 0}])
    def test_beyond_the_ends_there_is_nothing(self, place: dict[str, int]) -> None:
        row = session("s")
        runs(row, [0, 0])
        assert top_level_window(row, **place).trees == []

    def test_without_runs(self) -> None:
        assert top_level_window(session("s")).total == 0

    def test_the_cost_does_not_grow_with_the_session(self, django_assert_max_num_queries: Callable[[int], Any]) -> None:
        row = session("s")
        runs(row, [1] * 500)
        with django_assert_max_num_queries(4):
            top_level_window(row)

    def test_finding_runs(self) -> None:
        row, other = session("s"), session("t")
        runs(row, [1, 0])
        run = find_run(row, "r2")
        assert run is not None and run.ordinal == 2
        nameless = find_run(row, "~1")
        assert nameless is not None and nameless.ordinal == 1
        assert find_run(other, "r2") is None
        for name in ("", "~", "~x", "~99999999999999999999", "~-1", "r2\0", "\ud800", "x" * 10_000):
            assert find_run(row, name) is None
        assert [run.ordinal for run in outline(row)] == [0, 1, 2]


@pytest.fixture
def lab(sources: Callable[[str], list[Source]], corpus_file: Callable[[str], Path]) -> Source:
    [source] = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    refresh_source(source)
    return source


@pytest.fixture
def no_source(lab: Source) -> Iterator[None]:
    def refuse(*_: Any) -> None:
        raise AssertionError("A list asked the source.")

    with connections[lab.alias].execute_wrapper(refuse):
        yield


@pytest.mark.usefixtures("no_source")
def test_lists_touch_no_source_and_read_no_run() -> None:
    statements: list[str] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    rows = CatalogSession.objects.all()
    filters = ListQuery.from_url(QueryDict("q=a&type=agent"))
    with connection.execute_wrapper(keep):
        page = rows.filtered(filters).page("-tokens")
        shown = [(row.title, row.quoted_id, row.component, row.run_strip) for row in page.rows]
        counts(rows, filters)

    assert shown
    for sql in statements:
        assert "agno_" not in sql and "catalog_catalogrun" not in sql
        assert not any(column in sql for column in ("tool_calls_by_name", "topics", "session_name"))
