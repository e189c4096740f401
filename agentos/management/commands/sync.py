"""Bring the catalog in step with the sources now, without waiting for somebody to look at a list."""

import time
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agentos.catalog.models import SourceState
from agentos.catalog.sync import SyncReport, rebuild, refresh_source
from agentos.db.sources import Source, SourceError, SourceUnavailable, all_sources

# Seconds between two lines about a pass that takes long, and between two looks with --watch.
PROGRESS_SECONDS = 5.0
WATCH_SECONDS = 2.0


class Command(BaseCommand):
    """`sync [SOURCE …] [--rebuild] [--watch]`."""

    help = "Bring the catalog in step with all sources, or with those named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("source", nargs="*", metavar="SOURCE", help="name of a source; all of them unless given")
        parser.add_argument("--rebuild", action="store_true", help="throw the catalog away first and make it anew")
        parser.add_argument("--watch", action="store_true", help="go on until interrupted, and say what changes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line a source; exit with 1 if one could not be read."""
        chosen = _chosen(options["source"])
        problems = {source.name: self._bring_up(source, anew=options["rebuild"]) for source in chosen}
        if options["watch"]:
            with suppress(KeyboardInterrupt):
                self._watch(chosen, problems)
        elif failed := sum(map(bool, problems.values())):
            raise CommandError(f"{failed} of the sources could not be read.", returncode=1)

    def _bring_up(self, source: Source, *, anew: bool) -> str:
        """Make one pass over the source, telling how far it is; return its problem, "" for none."""
        try:
            if anew:
                rebuild(source)
        except SourceUnavailable as error:
            report = SyncReport(problem=str(error))
        else:
            report = self._whole_pass(source)
        self.stdout.write(f"{source.name}: {sentence(report)}")
        return report.problem

    def _whole_pass(self, source: Source) -> SyncReport:
        whole = SyncReport()
        while True:
            slice_ = refresh_source(source, budget=PROGRESS_SECONDS)
            whole = whole.followed_by(slice_)
            if slice_.done or slice_.problem or not slice_.seen:
                return whole
            state = SourceState.objects.get(source=source.name)
            self.stdout.write(f"{source.name}: indexed {state.indexed_count} of {state.session_count}")

    def _watch(self, sources: list[Source], problems: dict[str, str]) -> None:
        while True:
            time.sleep(WATCH_SECONDS)
            for source in sources:
                report = refresh_source(source)
                if not report.done and not report.problem:
                    continue  # another process is at it
                if report.changed or report.removed or report.problem != problems[source.name]:
                    self.stdout.write(f"{source.name}: {sentence(report)}")
                problems[source.name] = report.problem


def _chosen(names: list[str]) -> list[Source]:
    try:
        known = {source.name: source for source in all_sources()}
    except SourceError as error:
        raise CommandError(f"AGENTOS_SOURCES: {error}") from error
    if unknown := [name for name in names if name not in known]:
        raise CommandError(f"There is no source {unknown[0]!r}; there is {', '.join(known) or 'none'}.")
    return [known[name] for name in names] or list(known.values())


def sentence(report: SyncReport) -> str:
    """Say what a pass did."""
    if report.problem:
        return report.problem
    if not report.done:
        return "another process is at it"
    failed = f", {report.failed} cannot be read" if report.failed else ""
    return f"looked at {report.seen}, {report.changed} changed, {report.removed} removed{failed}"
