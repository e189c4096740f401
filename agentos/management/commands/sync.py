"""Bring the catalog in step with the sources now, without waiting for somebody to look at a list."""

import time
from argparse import ArgumentParser
from contextlib import closing, suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agentos.catalog import pricing, rollups
from agentos.catalog.apart import Apart, processes
from agentos.catalog.keeping import afterwards
from agentos.catalog.models import SourceState
from agentos.catalog.sync import LEASE, SyncReport, rebuild, refresh_source
from agentos.db.sources import Source, SourceError, SourceUnavailable, all_sources
from agentos.management.progress import Progress

# Seconds between two words about a pass that takes long: in a log, and on a terminal.
PROGRESS_SECONDS = 5.0
TERMINAL_SECONDS = 2.0
# Seconds between two looks with --watch, and those given to sums after each.
WATCH_SECONDS = 2.0
SUMS_SECONDS = 1.0
# A process that was killed keeps its lease so long.
WAIT_SECONDS = LEASE.total_seconds() + 5
# What a shell says of a command that was interrupted.
INTERRUPTED = 130


class Command(BaseCommand):
    """`sync [SOURCE …] [--rebuild] [--watch]`."""

    help = "Bring the catalog in step with all sources, or with those named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("source", nargs="*", metavar="SOURCE", help="name of a source; all of them unless given")
        parser.add_argument("--rebuild", action="store_true", help="throw the catalog away first and make it anew")
        parser.add_argument("--watch", action="store_true", help="go on until interrupted, and say what changes")

        parser.add_argument(
            "--processes",
            type=int,
            metavar="N",
            default=processes(),
            help="further processes that help to index what is new (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line a source; exit with 1 if one could not be read, with 130 if interrupted before the end."""
        chosen = _chosen(options["source"])
        try:
            problems = {source.name: self._bring_up(source, options) for source in chosen}
            pricing.reprice(None)
            rollups.refresh(None)
            afterwards(None)
        except KeyboardInterrupt:
            raise CommandError(
                "\nInterrupted. What is indexed is kept: `manage.py sync` goes on from there.", returncode=INTERRUPTED
            ) from None
        if options["watch"]:
            with suppress(KeyboardInterrupt):
                self._watch(chosen, problems)
        elif failed := sum(map(bool, problems.values())):
            raise CommandError(f"{failed} of the sources could not be read.", returncode=1)

    def _bring_up(self, source: Source, options: dict[str, Any]) -> str:
        """Make one pass over the source, telling how far it is; return its problem, "" for none."""
        progress = Progress(self.stdout, source.name)
        try:
            if options["rebuild"]:
                rebuild(source)
        except SourceUnavailable as error:
            report = SyncReport(problem=str(error))
        else:
            goes_on = SourceState.objects.filter(source=source.name).exclude(cursor=None).exists()
            with closing(Apart(source, options["processes"])) as apart:
                report = self._pass(source, progress, apart)
                if goes_on and report.done:  # what has changed behind the place where it went on
                    report = report.followed_by(self._pass(source, progress, apart))
        progress.clear()
        self.stdout.write(f"{source.name}: {sentence(report)}")
        return report.problem

    def _pass(self, source: Source, progress: Progress, apart: Apart) -> SyncReport:
        whole, waits_until = SyncReport(), time.monotonic() + WAIT_SECONDS
        seconds = TERMINAL_SECONDS if self.stdout.isatty() else PROGRESS_SECONDS
        while True:
            slice_ = refresh_source(source, budget=seconds, apart=apart)
            whole = whole.followed_by(slice_)
            if slice_.done or slice_.problem:
                return whole
            if slice_.seen:
                waits_until = time.monotonic() + WAIT_SECONDS
                state = SourceState.objects.get(source=source.name)
                progress.add(slice_.seen, slice_.runs)
                progress.tell(state.seen_count, state.session_count)
            elif time.monotonic() > waits_until:
                return whole
            else:
                progress.say("another process is at it; this one waits")
                time.sleep(min(seconds, WATCH_SECONDS))

    def _watch(self, sources: list[Source], problems: dict[str, str]) -> None:
        while True:
            time.sleep(WATCH_SECONDS)
            for source in sources:
                report = refresh_source(source, budget=PROGRESS_SECONDS, patient=True)
                if not (report.done or report.seen or report.problem):
                    continue  # another process is at it
                if report.changed or report.removed or report.problem != problems[source.name]:
                    self.stdout.write(f"{source.name}: {sentence(report)}")
                problems[source.name] = report.problem
            pricing.reprice(SUMS_SECONDS)
            rollups.refresh(SUMS_SECONDS)
            afterwards(SUMS_SECONDS)


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
    if not (report.done or report.seen):
        return "another process is at it"
    failed = f", {report.failed} cannot be read" if report.failed else ""
    return f"looked at {report.seen}, {report.changed} changed, {report.removed} removed{failed}"
