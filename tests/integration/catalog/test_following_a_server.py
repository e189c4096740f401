"""A PostgreSQL source is walked only when its server has counted a write, or after a while, or when asked outright."""

import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from django.utils import timezone

from agentos.catalog import following, sync
from agentos.catalog.keeping import keep_fresh
from agentos.catalog.models import CatalogSession, SourceState
from agentos.catalog.sync import refresh_source
from agentos.db.sources import Source
from tests.conftest import CORPUS, PgServer

pytestmark = pytest.mark.django_db
RENAME = "UPDATE ai.agno_sessions SET user_id = 'eve' WHERE session_id = 'many-runs'"


@pytest.fixture
def url(pg_server: PgServer) -> str:
    return pg_server.database(CORPUS / "agno-v3.pg.sql.gz")


@pytest.fixture
def lab(url: str, sources: Callable[[str], list[Source]]) -> Source:
    [source] = sources(f"lab={url}")
    while not refresh_source(source, budget=20).done:
        pass
    return source


def followed() -> bool:
    return CatalogSession.objects.filter(session_id="many-runs", user_id="eve").exists()


def look() -> None:
    SourceState.objects.update(checked_at=None)
    keep_fresh(budget=20)


def test_a_write_is_followed_once_the_server_has_counted_it(lab: Source, url: str) -> None:
    with psycopg.connect(url) as other:
        other.execute(RENAME)
    until = time.monotonic() + 20
    while not followed() and time.monotonic() < until:
        look()
        time.sleep(0.1)
    assert followed()


def test_nothing_is_walked_while_nobody_writes(lab: Source) -> None:
    until = time.monotonic() + 20
    while refresh_source(lab, budget=20).seen and time.monotonic() < until:
        time.sleep(0.1)  # what restored the database may be counted late
    again = refresh_source(lab, budget=20)
    assert (again.seen, again.done) == (0, True)
    assert refresh_source(lab).seen > 0


def test_what_the_server_never_counts_is_followed_after_a_while(
    lab: Source, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "pulse", lambda source: "nothing happens here")
    monkeypatch.setattr(following, "ACTIVE", 0)  # looks would see it otherwise: this is about passes
    look()
    with psycopg.connect(url) as other:
        other.execute(RENAME)
    look()
    assert not followed()

    SourceState.objects.update(full_pass_at=timezone.now() - timedelta(minutes=2))
    look()

    assert followed()
