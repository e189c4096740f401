"""The kept sums are those of a recount, whatever changed and whoever changed it."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from agentos.catalog.hours import bucket_of, percentile
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.rollup_models import CatalogStale, CatalogThing
from agentos.catalog.rollups import refresh
from agentos.catalog.sync import refresh_source
from agentos.db.sources import Source
from tests.conftest import SQLITE_FILES
from tests.factories import make_session
from tests.integration.catalog.recount import assert_exact

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]


@pytest.fixture
def corpus(sources: Open, corpus_file: Callable[[str], Path]) -> Iterator[None]:
    """Every session of the corpus."""
    for source in sources(",".join(f"s{at}=sqlite:///{corpus_file(name)}" for at, name in enumerate(SQLITE_FILES))):
        refresh_source(source)
    yield


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
