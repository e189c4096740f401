"""Fill an empty source with demo sessions."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agentos.db.sources import Source, SourceError, all_sources
from agentos.demo.fill import fill


class Command(BaseCommand):
    """`demo [--source NAME]`."""

    help = "Write demo sessions into a source that holds no sessions yet; run again, it changes nothing."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--source", default="", help="the source's name; needed only when there are several")

    def handle(self, *args: Any, **options: Any) -> None:
        """Fill it and say what was done."""
        try:
            source = chosen(options["source"], all_sources())
            filled = fill(source)
        except SourceError as error:
            raise CommandError(str(error)) from error
        if filled.sessions:
            self.stdout.write(f"{source.name}: wrote {filled.sessions} demo sessions with {filled.runs} runs.")
        else:
            self.stdout.write(f"{source.name}: it holds sessions already, so nothing was written.")


def chosen(name: str, sources: list[Source]) -> Source:
    """Return the source of this name, or the only one.

    Raises:
        CommandError: there is none of this name, or several to choose from.
    """
    if not sources:
        raise CommandError("There is no source: AGENTOS_SOURCES is empty.")
    if not name and len(sources) == 1:
        return sources[0]
    for source in sources:
        if source.name == name:
            return source
    names = ", ".join(source.name for source in sources)
    raise CommandError(f"There is no source {name}; there are: {names}." if name else f"Say which: --source {names}")
