"""`manage.py import_session SOURCE FILE`: take a session that was exported as exact JSON into a source."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agentos.catalog.sync import refresh_session
from agentos.db.sources import SourceError, get_source
from agentos.transfer.importing import MASKED, NotImportable, import_session
from agentos.transfer.incoming import BadFile


class Command(BaseCommand):
    """Checks all of the file, then stores all of it in one transaction. Exit status 0: it is stored."""

    help = "Store a session that was exported as exact JSON; nothing of it is stored when anything is wrong."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("source", help="name of the source, as in AGENTOS_SOURCES; it must not be read-only")
        parser.add_argument("file")
        parser.add_argument("--as", dest="new_id", metavar="NEW_ID", help="the id the session gets instead of its own")
        parser.add_argument("--masked", action="store_true", help="take a file also in which secrets are masked")

    def handle(self, *args: Any, **options: Any) -> None:
        """Store the session and say what was stored."""
        try:
            source = get_source(options["source"])
        except KeyError:
            raise CommandError(f"There is no source {options['source']!r}; AGENTOS_SOURCES names them.") from None
        try:
            with Path(options["file"]).open("rb") as file:
                stored = import_session(file, source, options["new_id"], masked_too=options["masked"])
            refresh_session(source, stored.session_id)
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from None
        except (BadFile, NotImportable, SourceError) as error:
            hint = " --masked has it imported so." if MASKED in str(error) else ""
            raise CommandError(f"Nothing was imported. {error}{hint}") from None
        runs = f"{stored.run_count} run{'' if stored.run_count == 1 else 's'}"
        self.stdout.write(f"Stored the session {stored.session_id!r} with {runs} in the source {source.name}.")
