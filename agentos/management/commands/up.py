"""Set up what is missing and serve: what `make up` runs."""

import errno
import os
import socket
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import uvicorn
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from agentos.access import oidc
from agentos.audit.notes import notes
from agentos.catalog.keeping import follower
from agentos.db.sources import SourceError, parse_sources
from agentos.jobs import runner as jobs
from agentos.management.commands.doctor import Finding, components, own_database_fault, sources
from agentos.management.people import first_admin_token, link_url
from agentos.safe_start import check_key, is_loopback
from agentos.turns.service import sweep_orphans

# An open event stream must not hold the shutdown up: browsers reconnect and replay.
SHUTDOWN_SECONDS = 3


class Command(BaseCommand):
    """`up [--host HOST] [--port PORT] [--db URL_OR_FILE]`."""

    help = "Migrate our own database, make demo sessions when no source is given, and serve."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8000"))
        parser.add_argument("--db", default="", help="show the sessions of this database: a URL or an SQLite file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, say what is there, serve until interrupted."""
        check_host(options["host"])
        try:
            check_key(settings.SECRET_KEY)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        listener = listen(options["host"], options["port"])
        with listener:
            if options["db"]:
                settings.AGENTOS_SOURCES = source_setting(options["db"])
            self._prepare(demo=not options["db"] and "AGENTOS_SOURCES" not in os.environ)
            sweep_orphans()  # turns that a killed process left running
            jobs.wake()
            self._greet(options["host"], listener.getsockname()[1])
            serve(listener)

    def _prepare(self, *, demo: bool) -> None:
        try:
            call_command("migrate", verbosity=0, interactive=False)
        except DatabaseError as error:
            raise CommandError(own_database_fault(error)) from error
        if demo:
            call_command("demo", stdout=self.stdout)
        for finding in (*sources(), *components()):  # which also loads them before the first page
            self.stdout.write(str(finding))
        for sentence in oidc.problems():
            self.stdout.write(str(Finding(False, sentence)))

    def _greet(self, host: str, port: int) -> None:
        base = settings.AGENTOS_URL if "AGENTOS_URL" in os.environ else f"http://{printable_host(host)}:{port}"
        self.stdout.write(f"\nAgentOS Sessions is at {base}/ (Ctrl-C stops it)")
        if token := first_admin_token():
            self.stdout.write(f"Sign in as the first administrator, once, within 24 h:\n  {link_url(token, base)}")
        self.stdout.flush()


def check_host(host: str) -> None:
    """Refuse to be reachable from other machines while that would be unsafe or could not work.

    Raises:
        CommandError: DEBUG is on, or ALLOWED_HOSTS names nobody but this machine.
    """
    if is_loopback(host):
        return
    if settings.DEBUG:
        raise CommandError(
            f"DEBUG shows the program's insides, and {host} can be reached from other machines. Unset it."
        )
    if all(is_loopback(name) for name in settings.ALLOWED_HOSTS):
        raise CommandError(
            f"{host} can be reached from other machines, but ALLOWED_HOSTS names this one only. "
            "Set it to the names people will type, for example ALLOWED_HOSTS=sessions.example.com"
        )


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, taken before any other work is done.

    Raises:
        CommandError: the port is taken, or the host is not an address of this machine.
    """
    if not 0 <= port <= 65535:
        raise CommandError(f"{port} is not a port: they go from 1 to 65535.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"Port {port} on {host} is in use by another program. Choose a free one, for example: "
                f"make up PORT={port + 1}"
            ) from error
        raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror or error}") from error


def printable_host(host: str) -> str:
    """Return the host as it stands in a URL that works on this machine."""
    if host in ("0.0.0.0", "::", "[::]"):  # noqa: S104  # compared with, not listened on
        return "127.0.0.1"
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def source_setting(db: str) -> str:
    """Return the AGENTOS_SOURCES text for `--db`: a URL, or the path of an SQLite file. The database names the source.

    Raises:
        CommandError: the file is not there, or the URL cannot be read.
    """
    text = db
    if "://" not in db:
        file, _, query = db.partition("?")
        path = Path(file).expanduser().resolve()
        if not path.is_file():
            raise CommandError(f"There is no file {path}. DB is an SQLite file or a URL: postgresql://user@host/name")
        text = f"sqlite:///{quote(str(path))}?{query}"
    try:
        parse_sources(text)
    except SourceError as error:
        raise CommandError(str(error)) from error
    return text


def serve(listener: socket.socket) -> None:
    """Serve on the socket until interrupted. One process: the runner of turns lives in it."""
    config = uvicorn.Config(
        "agentos.asgi:application",
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    with suppress(KeyboardInterrupt):  # uvicorn has closed everything and passes the signal on
        uvicorn.Server(config).run(sockets=[listener])
    follower.stop()
    notes.stop()
