"""`manage.py export SOURCE SESSION_ID`: write a session as exact JSON, Markdown, HTML or JSON Lines."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agentos.db.reader import Reader
from agentos.db.sources import Source, SourceError, get_source
from agentos.transfer.formats import formats
from agentos.transfer.options import MOST_HISTORY, PURPOSES, Options
from agentos.turns.speaking import people_in


class Command(BaseCommand):
    """Writes a run at a time, so that no session is too large."""

    help = "Write one session to a file, or to the terminal."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("source", help="name of the source, as in AGENTOS_SOURCES")
        parser.add_argument("session_id")
        parser.add_argument("--format", choices=list(formats()), default="json")
        parser.add_argument("--output", metavar="FILE", help="instead of the terminal; must not be there yet")
        parser.add_argument("--for", dest="purpose", choices=PURPOSES, default=PURPOSES[0], help="of jsonl")
        parser.add_argument("--history", type=int, default=0, metavar="RUNS", help="earlier runs in each line of jsonl")
        parser.add_argument("--with-secrets", action="store_true", help="leave in what looks like a key or a token")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file."""
        if not 0 <= options["history"] <= MOST_HISTORY:
            raise CommandError(f"--history takes 0 to {MOST_HISTORY}.")
        secrets = options["with_secrets"] or options["format"] == "json"
        chosen = Options(options["purpose"], options["history"], secrets, people_in)
        try:
            source = _source_of(options["source"], options["session_id"])
            pieces = formats()[options["format"]].write(source, options["session_id"], chosen)
            if options["output"]:
                _write(pieces, Path(options["output"]))
                return
            for piece in pieces:
                self.stdout.write(piece, ending="")
        except SourceError as error:
            raise CommandError(str(error)) from None


def _source_of(name: str, session_id: str) -> Source:
    """Return the source, in which there is a session of this id."""
    try:
        source = get_source(name)
    except KeyError:
        raise CommandError(f"There is no source {name!r}; AGENTOS_SOURCES names them.") from None
    if Reader(source).stamp(session_id) is None:
        raise CommandError(f"There is no session {session_id!r} in the source {name}.")
    return source


def _write(pieces: Iterator[str], path: Path) -> None:
    """Write a new file, which is removed again when it could not be written whole."""
    try:
        with path.open("x", encoding="utf-8") as file:
            try:
                file.writelines(pieces)
            except BaseException:
                path.unlink()
                raise
    except FileExistsError:
        raise CommandError(f"{path} is there already; nothing was written.") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
