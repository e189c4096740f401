"""The kept sums are those of a recount, whatever changed and whoever changed it."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from agentos.catalog.figures import KINDS, key_of
from agentos.catalog.hours import HOUR, bucket_of, percentile
from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.rollup_models import CatalogDay, CatalogHour, CatalogStale, CatalogThing, Sums
from agentos.catalog.rollups import refresh
from agentos.catalog.sync import refresh_source
from agentos.db.sources import Source
from tests.conftest import SQLITE_FILES
from tests.factories import make_session

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]


@pytest.fixture
def corpus(sources: Open, corpus_file: Callable[[str], Path]) -> Iterator[None]:
    """Every session of the corpus."""
    for source in sources(",".join(f"s{at}=sqlite:///{corpus_file(name)}" for at, name in enumerate(SQLITE_FILES))):
        refresh_source(source)
    yield


def place(value: int, length: int) -> int:
    """As SQL divides: towards zero."""
    return int(value / length)


def known(values: list[Any]) -> Any:
    found = [value for value in values if value is not None]
    return sum(found) if found else None


def recounted(kind: str) -> dict[tuple[int, str], Counter[str]]:
    """Count in Python what the kept sums of a kind are, as far as they are whole numbers."""
    found: dict[tuple[int, str], Counter[str]] = {}
    for session in CatalogSession.objects.all():
        runs = [run for run in CatalogRun.objects.filter(session=session) if run.kind != "bad"]
        for key, sums in shares(kind, session, runs).items():
            entry = found.setdefault((place(session.updated_at, 86_400), key), Counter())
            entry.update({"sessions": 1, "failed_sessions": session.error_count > 0} | sums)
    return found


def shares(kind: str, session: CatalogSession, runs: list[CatalogRun]) -> dict[str, dict[str, int]]:
    """What one session adds, by key."""
    if kind == "tool":
        failed = session.tool_failures
        return {
            key_of(index_key(name)): {"calls": calls, "failed_calls": failed.get(name, 0)}
            for name, calls in session.tool_calls_by_name.items()
        }
    if kind == "health":
        return {key_of(mark): {"failed_sessions": 0} for mark in session.health}
    if kind == "model":
        models = {run.model for run in runs if run.model} | ({session.model} if session.model else set())
        return {
            key_of(index_key(model)): {
                "runs": sum(run.model == model for run in runs),
                "failed_runs": sum(run.model == model and run.status == "ERROR" for run in runs),
                "tokens": sum(run.total_tokens or 0 for run in runs if run.model == model),
                "cost_unknown": sum(run.model == model and run.cost is None for run in runs),
            }
            for model in models
        }
    keys = {
        "user": key_of(session.user_key),
        "component": key_of(session.session_type, session.component_key),
        "all": key_of(),
    }
    sums = {
        "runs": session.top_level_run_count,
        "calls": session.tool_call_count,
        "failed_calls": session.tool_error_count,
        "tokens": session.total_tokens or 0,
        "cost_unknown": int(bool(session.forest_run_count) and session.cost is None),
        "stored_bytes": session.stored_bytes,
    }
    return {keys[kind]: sums}


def assert_exact() -> None:
    for kind in KINDS:
        expected = recounted(kind)
        kept = {(row.day, row.key): row for row in CatalogDay.objects.filter(kind=kind)}
        assert kept.keys() == expected.keys()
        totals: dict[str, Counter[str]] = {}
        for (day, key), sums in expected.items():
            assert_equal(kept[day, key], sums)
            totals.setdefault(key, Counter()).update(sums)
        things = {thing.key: thing for thing in CatalogThing.objects.filter(kind=kind)}
        assert things.keys() == totals.keys()
        for key, sums in totals.items():
            assert_equal(things[key], sums)
    assert_hours_exact()


def assert_equal(row: Sums, sums: Counter[str]) -> None:
    assert {name: getattr(row, name) or 0 for name in sums} == dict(sums)


def assert_hours_exact() -> None:
    runs = [run for run in CatalogRun.objects.exclude(kind="bad") if run.created_at is not None]
    by_hour: dict[int, list[CatalogRun]] = {}
    for run in runs:
        by_hour.setdefault(place(run.created_at or 0, HOUR), []).append(run)
    kept = {row.hour: row for row in CatalogHour.objects.all()}
    assert kept.keys() == by_hour.keys()
    for hour, among in by_hour.items():
        roots = [run for run in among if run.depth == 0]
        row = kept[hour]
        assert (row.runs, row.failed) == (len(roots), sum(run.status == "ERROR" for run in roots))
        assert (row.tokens, row.input_tokens) == (
            known([run.total_tokens for run in among]), known([run.input_tokens for run in among])
        )  # fmt: skip
        assert row.cost == pytest.approx(known([run.cost for run in among]))
        assert row.durations == Counter(str(bucket_of(run.duration)) for run in roots if run.duration is not None)


def test_equals_a_recount_of_the_corpus(corpus: None) -> None:
    state = refresh(None)

    assert state.as_of is not None and not CatalogStale.objects.exists()
    assert CatalogThing.objects.filter(kind="tool", failed_calls__gt=0).exists()
    assert_exact()


def test_equals_a_recount_after_any_changes(corpus: None) -> None:
    refresh(None)
    chance = random.Random(4)
    for _ in range(8):
        for session in chance.sample(list(CatalogSession.objects.all()), 6):
            change(session, chance)
        refresh(None)
        assert_exact()


def change(session: CatalogSession, chance: random.Random) -> None:
    match chance.randrange(6):
        case 0:
            session.delete()
        case 1:
            CatalogSession.objects.filter(pk=session.pk).update(user_key="other", user_id="other")
        case 2:
            session.updated_at += chance.randrange(-10, 10) * 86_400
            session.tool_failures = {"odd": 3}
            session.tool_calls_by_name |= {"odd": 5}
            session.save()
        case 3:
            CatalogRun.objects.filter(session=session).delete()
        case 4:
            CatalogRun.objects.filter(session=session).update(status="ERROR", model="other", created_at=7_200)
        case _:
            made = make_session(health=["bad_runs"], stored_bytes=12, session_type="team", component_id=None)
            CatalogRun.objects.bulk_create(
                CatalogRun(session=made, ordinal=at, root_ordinal=at, position=at, kind="agent", status="COMPLETED",
                    created_at=chance.choice([None, 0, -1, -3_600, 1_790_000_000]), model="m", duration=at / 7)
                for at in range(3)
            )  # fmt: skip


def test_a_pass_that_only_looks_touches_nothing(corpus: None) -> None:
    refresh(None)
    CatalogSession.objects.update(seen_pass=7)
    CatalogRun.objects.update(ordinal=1, mark="")

    assert not CatalogStale.objects.exists()


def test_works_for_the_time_it_is_given_and_goes_on_later(corpus: None) -> None:
    places = CatalogStale.objects.values("grain", "at").distinct().count()
    assert places > 2
    state = refresh(0)
    assert state.as_of is None
    assert CatalogStale.objects.values("grain", "at").distinct().count() == places - 1
    state.took = 0
    state.save()
    assert refresh(60).as_of is not None
    assert_exact()


def test_rests_after_work(corpus: None) -> None:
    state = refresh(None)
    state.took = 60
    state.save()
    make_session()

    assert refresh(60).as_of == state.as_of
    assert CatalogStale.objects.exists()
    assert refresh(None).as_of != state.as_of


def test_nonsense_does_not_overflow(db: None) -> None:
    for _ in range(3):
        session = make_session(total_tokens=2**63 - 1, cost=1.7e308, updated_at=-(2**40))
        CatalogRun.objects.create(
            session=session, ordinal=0, root_ordinal=0, position=0, kind="agent", status="x" * 40, model="m" * 5_000,
            created_at=2**62, total_tokens=2**63 - 1, cost=1.7e308, duration=1.7e308,
        )  # fmt: skip
    refresh(None)
    user = CatalogThing.objects.get(kind="user")
    assert (user.sessions, user.tokens, user.cost) == (3, None, None)
    assert CatalogThing.objects.get(kind="model").runs == 3


def test_both_databases_note_every_change_with_triggers() -> None:
    table, column = ("sqlite_master", "name") if connection.vendor == "sqlite" else ("pg_trigger", "tgname")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} WHERE {column} LIKE 'catalog\\_stale\\__%' ESCAPE '\\'")
        names = {name for (name,) in cursor.fetchall()}
    expected = {
        f"catalog_stale_{table}_{event}" for table in ("session", "run") for event in ("insert", "update", "delete")
    }
    assert expected <= names


def test_percentiles_are_within_nine_in_a_hundred() -> None:
    chance = random.Random(5)
    seconds = sorted(chance.lognormvariate(1, 2) for _ in range(999))
    counted = Counter(bucket_of(one) for one in seconds)
    for share, exact in ((0.5, seconds[499]), (0.95, seconds[949])):
        assert percentile(counted, share) == pytest.approx(exact, rel=0.095)
    assert percentile({}, 0.5) is None
    assert percentile({bucket_of(0): 3}, 0.95) == 0.001
