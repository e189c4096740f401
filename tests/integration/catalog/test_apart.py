"""Several processes make the same catalog as one."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from agentos.catalog.apart import CHUNK, Apart, processes
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import SyncReport, rebuild, refresh_source
from agentos.db.sources import Source
from tests.integration.catalog.test_whole_catalog_stateful import everything

# What other processes store is seen by this one, and theirs see what it stored, outside of a transaction alone.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source(sources: Callable[[str], list[Source]], corpus_file: Callable[[str], Path]) -> Source:
    [source] = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    return source


@pytest.fixture
def apart(source: Source) -> Iterator[Apart]:
    with closing(Apart(source, 2)) as apart:
        yield apart


def made_anew(source: Source, apart: Apart | None) -> tuple[SyncReport, Any]:
    rebuild(source)
    return refresh_source(source, apart=apart), everything(source)


def test_the_catalog_is_the_same(source: Source, apart: Apart) -> None:
    one, alone = made_anew(source, None)
    several, together = made_anew(source, apart)
    assert together == alone
    assert several == one
    assert one.changed > CHUNK, "too few to be shared"
    assert apart._pool is not None


def test_what_is_known_or_in_a_transaction_is_not_shared(source: Source, apart: Apart) -> None:
    refresh_source(source)
    CatalogSession.objects.update(mark="")
    refresh_source(source, apart=apart)
    with transaction.atomic():
        made_anew(source, apart)
    assert apart._pool is None


def test_a_process_that_is_killed_loses_nothing(source: Source, apart: Apart, caplog: pytest.LogCaptureFixture) -> None:
    _, alone = made_anew(source, None)
    rebuild(source)
    apart._processes().submit(os.kill, os.getpid(), 0).result()
    for process in list(apart._processes()._processes.values()):
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
    with caplog.at_level(logging.WARNING):
        assert not refresh_source(source, apart=apart).problem
    assert everything(source) == alone
    assert "this one goes on alone" in caplog.text


def test_how_many_there_are() -> None:
    assert 0 <= processes() <= 4
