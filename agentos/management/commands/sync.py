"""Bring the catalog in step with the sources now, without waiting for somebody to look at a list."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agentos.catalog.sync import SyncReport, rebuild, refresh_source
from agentos.db.sources import SourceError, all_sources


class Command(BaseCommand):
    """`sync [SOURCE …] [--rebuild]`."""

    help = "Bring the catalog in step with all sources, or with those named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("source", nargs="*", metavar="SOURCE", help="name of a source; all of them unless given")
        parser.add_argument("--rebuild", action="store_true", help="throw the catalog away first and make it anew")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line a source; exit with 1 if one could not be read."""
        try:
            known = {source.name: source for source in all_sources()}
        except SourceError as error:
            raise CommandError(f"AGENTOS_SOURCES: {error}") from error
        if unknown := [name for name in options["source"] if name not in known]:
            raise CommandError(f"There is no source {unknown[0]!r}; there is {', '.join(known) or 'none'}.")
        problems = 0
        for name in options["source"] or known:
            if options["rebuild"]:
                rebuild(known[name])
            report = refresh_source(known[name])
            problems += bool(report.problem)
            self.stdout.write(f"{name}: {sentence(report)}")
        if problems:
            raise CommandError(f"{problems} of the sources could not be read.", returncode=1)


def sentence(report: SyncReport) -> str:
    """Say what a pass did."""
    if report.problem:
        return report.problem
    if not report.done:
        return "another process is at it"
    return f"looked at {report.seen}, {report.changed} changed, {report.removed} removed"
