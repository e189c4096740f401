"""`manage.py up`: what it refuses, what it prints, and that a real process of it serves and stops."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from agentos.db.sources import parse_sources
from agentos.management.commands.up import check_host, printable_host, source_setting
from agentos.management.people import FIRST_ADMIN, first_admin_token
from agentos.safe_start import is_loopback
from tests.conftest import Person

ROOT = Path(__file__).parents[2]


class TestHost:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.8.0.1"])
    def test_this_machine_alone(self, host: str, settings: Settings) -> None:
        settings.DEBUG = True
        assert is_loopback(host)
        check_host(host)

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "sessions.example.com", ""])
    def test_reachable_hosts_refuse_debug_and_need_allowed_hosts(self, host: str, settings: Settings) -> None:
        settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
        with pytest.raises(CommandError, match="ALLOWED_HOSTS"):
            check_host(host)
        settings.ALLOWED_HOSTS = ["sessions.example.com"]
        check_host(host)
        settings.DEBUG = True
        with pytest.raises(CommandError, match="DEBUG"):
            check_host(host)

    def test_in_a_url(self) -> None:
        assert [printable_host(host) for host in ("0.0.0.0", "::1", "a.example")] == ["127.0.0.1", "[::1]", "a.example"]


class TestDb:
    def test_a_url_stays_a_url(self) -> None:
        assert source_setting("postgresql://a@b/c?mode=ro") == "postgresql://a@b/c?mode=ro"

    @pytest.mark.parametrize("name", ["agno.db", "with space, comma & 100%.db"])
    def test_a_file_is_found_from_here_and_names_the_source(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / name
        path.touch()
        [source] = parse_sources(source_setting(os.path.relpath(path)))
        assert source.path == str(path)
        assert source.name == ("agno" if name == "agno.db" else "with-space-comma-100")
        [source] = parse_sources(source_setting(f"{path}?mode=ro"))
        assert source.read_only

    @pytest.mark.parametrize("db", ["typo.db", "mysql://a@b/c", "postgresql://a@b", "postgresql://a@b/c?mode=x"])
    def test_what_cannot_be_a_source_is_a_sentence(self, db: str) -> None:
        with pytest.raises(CommandError):
            source_setting(db)


class TestPort:
    def test_in_use_is_a_sentence(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(CommandError, match=f"Port {port} on 127.0.0.1 is in use .* make up PORT={port + 1}"):
                call_command("up", host="127.0.0.1", port=port)

    @pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 99999), ("192.0.2.1", 8000)])
    def test_impossible_is_a_sentence(self, host: str, port: int, settings: Settings) -> None:
        settings.ALLOWED_HOSTS = ["sessions.example.com"]
        with pytest.raises(CommandError, match=r"is not a port|Cannot listen"):
            call_command("up", host=host, port=port)


@pytest.mark.django_db
class TestFirstAdmin:
    def test_until_somebody_has_signed_in(self) -> None:
        first, second = first_admin_token(), first_admin_token()
        assert first and second and first != second

    def test_not_after(self, viewer: Person) -> None:
        assert first_admin_token() is None
        assert not type(viewer.user).objects.filter(username=FIRST_ADMIN).exists()


@contextmanager
def running(tmp_path: Path, *args: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process of `manage.py up` on a free port, with a data folder of its own."""
    clean = {
        name: value for name, value in os.environ.items() if name not in ("AGENTOS_SOURCES", "DJANGO_SETTINGS_MODULE")
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--port", "0", *args],
        cwd=ROOT, env={**clean, "AGENTOS_DATA_DIR": str(tmp_path / "data"), **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def lines_until_link(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if "/sign-in/" in line:
            return lines
    pytest.fail("\n".join(lines))


@pytest.mark.sqlite_only
class TestServing:
    @pytest.mark.parametrize("db", ["demo", "file"])
    def test_a_newcomers_first_minute(self, db: str, tmp_path: Path, corpus_file: Callable[[str], Path]) -> None:
        args = ("--db", str(corpus_file("agno-v2-to-v3.db"))) if db == "file" else ()
        with running(tmp_path, *args) as process:
            lines = lines_until_link(process)
            text = "\n".join(lines)
            assert ("Source agno-v2-to-v3:" in text) == (db == "file")
            assert ("Source demo:" in text) == (db == "demo")
            base = re.search(r"http://127\.0\.0\.1:\d+", text)
            assert base
            with urllib.request.urlopen(f"{base[0]}/readyz") as ready, urllib.request.urlopen(lines[-1]) as page:
                assert ready.read() == b"ok"
                assert "Sign in" in page.read().decode()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) in (0, -signal.SIGINT, 130)
