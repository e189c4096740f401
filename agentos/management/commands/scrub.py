"""Overwrites what was deleted or redacted, in the files of our own database and of the sources."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agentos.audit import service as audit
from agentos.audit.service import COMMAND_LINE, Target
from agentos.db.sources import all_sources
from agentos.redaction.acts import SCRUBBED
from agentos.redaction.scrubbing import scrub_own, scrub_source


class Command(BaseCommand):
    """`manage.py scrub [--full] [SOURCE …]`"""

    help = "Overwrite what was deleted or redacted in our own database and in the sources."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take which sources, and how thoroughly."""
        parser.add_argument("sources", nargs="*", help="names of sources; all of them, and our own database, without")
        parser.add_argument(
            "--full",
            action="store_true",
            help="PostgreSQL: write the tables anew (VACUUM FULL), which keeps everybody out of each meanwhile",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one after the other and say which could not be done."""
        known = {source.name: source for source in all_sources()}
        if unknown := [name for name in options["sources"] if name not in known]:
            raise CommandError(f"There is no source {unknown[0]}.")
        failed: list[str] = []
        for name in options["sources"] or known:
            if known[name].read_only:
                self.stdout.write(f"{name}: opened read-only, left as it is.")
            else:
                self._told(name, failed, done=scrub_source(known[name], full=options["full"]))
        if not options["sources"]:
            self._told("our own database", failed, done=scrub_own(full=options["full"]))
        if failed:
            raise CommandError(f"Not done: {', '.join(failed)}. Somebody is at work there; the log says more.")

    def _told(self, name: str, failed: list[str], *, done: bool) -> None:
        if not done:
            failed.append(name)
            return
        audit.record(
            SCRUBBED, actor=COMMAND_LINE, actor_id=None, on=Target(object=name), details={"database": name},
            origin=COMMAND_LINE,
        )  # fmt: skip
        self.stdout.write(f"{name}: done.")
