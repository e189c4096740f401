"""What `manage.py sync` says of a long pass, how it is interrupted, and that a killed one is carried on."""

import io
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from agentos.catalog.models import CatalogSession, SourceState
from agentos.catalog.rollup_models import CatalogStale
from agentos.catalog.sync import LEASE, refresh_source
from agentos.db.sources import use_sources
from agentos.management.commands import sync
from agentos.management.progress import Progress

ROOT = Path(__file__).parents[2]


class Terminal(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


class TestProgress:
    """The line by itself."""

    def told(self, out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
        from django.core.management.base import OutputWrapper

        now = [100.0]
        monkeypatch.setattr("agentos.management.progress.time.monotonic", lambda: now[0])
        progress = Progress(OutputWrapper(out), "lab")
        now[0] += 10
        progress.add(9_000, 90_000)
        progress.tell(12_000, 200_000)
        progress.say("done")
        progress.clear()
        return out.getvalue()

    def test_plain_lines_where_there_is_no_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = self.told(io.StringIO(), monkeypatch)
        assert text.splitlines() == [
            "lab: 12,000 of 200,000 sessions, 900 sessions/s, 9,000 runs/s, about 3 min left",
            "lab: done",
        ]

    def test_one_line_that_is_rewritten_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "60")
        text = self.told(Terminal(), monkeypatch)
        _, first, second, cleared, rest = text.split("\r")
        assert first.startswith("lab: [#.......................] 12,000 of 200,000") and len(first) == 59
        assert second.strip() == "lab: done" and len(second) == 59
        assert cleared.strip() == rest == "" and "\n" not in text


@pytest.mark.django_db
class TestInterrupting:
    """Ctrl-C, and other processes."""

    def test_it_says_how_to_go_on_and_goes_on(
        self, corpus_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sync, "PROGRESS_SECONDS", 0.0)

        def interrupted(*_: Any, **__: Any) -> Any:
            if SourceState.objects.filter(indexed_count__gt=10).exists():
                raise KeyboardInterrupt
            return refresh_source(*_, **__)

        with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}"):
            with (
                monkeypatch.context() as patch,
                pytest.raises(CommandError, match=r"`manage.py sync` goes on") as error,
            ):
                patch.setattr(sync, "refresh_source", interrupted)
                call_command("sync", stdout=io.StringIO())
            assert error.value.returncode == 130
            state = SourceState.objects.get()
            assert 10 < state.indexed_count < CatalogSession.objects.count() + 1 and state.cursor is not None
            out = io.StringIO()
            call_command("sync", stdout=out)
        state.refresh_from_db()
        assert state.is_complete and state.indexed_count == state.session_count
        assert state.rate > 0 and not CatalogStale.objects.exists()

    def test_it_sees_what_changed_behind_where_it_goes_on(self, corpus_file: Callable[[str], Path]) -> None:
        path = corpus_file("agno-v3.db")
        with use_sources(f"lab=sqlite:///{path}") as [source]:
            refresh_source(source, budget=0.0)
            with closing(sqlite3.connect(path)) as other, other:
                other.execute(
                    "INSERT INTO agno_sessions (session_id, session_type, created_at) VALUES ('!', 'agent', 1)"
                )
            call_command("sync", stdout=io.StringIO())
        assert CatalogSession.objects.filter(session_id="!").exists()

    def test_it_waits_for_another_process(
        self, corpus_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        SourceState.objects.create(source="lab", leased_until=timezone.now() + LEASE)
        monkeypatch.setattr("time.sleep", lambda _: SourceState.objects.update(leased_until=None))
        out = io.StringIO()
        with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}"):
            call_command("sync", stdout=out)
        assert out.getvalue().startswith("lab: another process is at it; this one waits\n")
        assert SourceState.objects.get().is_complete


@pytest.mark.sqlite_only
def test_a_killed_sync_is_carried_on(tmp_path: Path, corpus_file: Callable[[str], Path]) -> None:
    many = corpus_file("agno-v3.db")
    with closing(sqlite3.connect(many)) as database, database:
        new = "INSERT INTO agno_sessions (session_id, session_type, agent_id, created_at) VALUES (?, 'agent', 'a', 1)"
        database.executemany(new, [[f"new-{number}"] for number in range(1_500)])
        [(count,)] = database.execute("SELECT count(*) FROM agno_sessions").fetchall()
    variables = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    variables |= {"AGENTOS_DATA_DIR": str(tmp_path), "AGENTOS_SOURCES": f"lab=sqlite:///{many}"}
    command = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*command, "migrate", "-v0"], env=variables, check=True)
    own = tmp_path / "agentos.db"
    for _ in range(2):
        killed = subprocess.Popen([*command, "sync"], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        wait_for_more(own, indexed(own))
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        with closing(sqlite3.connect(own)) as database, database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            database.execute("UPDATE catalog_sourcestate SET leased_until = NULL")  # in time the lease runs out
    done = subprocess.run([*command, "sync"], env=variables, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1].startswith("lab: looked at ")
    assert indexed(own) == count


def indexed(own: Path) -> int:
    with closing(sqlite3.connect(own, timeout=20)) as database:
        [(count,)] = database.execute("SELECT count(*) FROM catalog_catalogsession").fetchall()
    return int(count)


def wait_for_more(own: Path, than: int) -> None:
    until = time.monotonic() + 30
    while indexed(own) <= than:
        assert time.monotonic() < until, "It does not come any further."
        time.sleep(0.01)
