"""`manage.py retention`: do what the rules of retention say, or only tell it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agentos.deletion.purging import overdue, purge
from agentos.jobs import runner
from agentos.jobs.models import Job
from agentos.jobs.pruning import prune
from agentos.moderation.acting import Refused
from agentos.records import readable
from agentos.retention.models import RetentionRule
from agentos.retention.service import Draft, run_due, sessions_of


class Command(BaseCommand):
    """Runs all rules that are on, whenever they ran last, and lets go for good what was deleted long enough ago."""

    help = "Run the rules of retention that are on, and delete for good what was deleted long enough ago."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--dry-run", action="store_true", help="list each session that would go, and do nothing")
        parser.add_argument("--rule", default="", help="with --dry-run: only this rule, which may be off")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, or list it; a line a session: what would be done, its source, its id."""
        if options["rule"] and not options["dry_run"]:
            raise CommandError("--rule is for --dry-run; rules that are on run together.")
        if options["dry_run"]:
            self._list(options["rule"])
            return
        begun = [job for job in (*run_due(now=True), purge()) if job is not None]
        runner.run_now()
        for job in Job.objects.filter(pk__in=[one.pk for one in begun]).order_by("created_at"):
            counts = ", ".join(f"{number:,} {word.lower()}" for _, word, number in job.counts if number)
            self.stdout.write(f"{job.actor}: {job.act} of {job.total:,} sessions: {counts or 'nothing done'}")
        gone = prune()
        if gone:
            self.stdout.write(f"Reports of old jobs: {gone:,} lines went.")
        if not begun and not gone:
            self.stdout.write("Nothing is due.")

    def _list(self, name: str) -> None:
        rules = RetentionRule.objects.filter(name=name) if name else RetentionRule.objects.filter(is_on=True)
        if name and not rules:
            raise CommandError(f"There is no rule named {name!r}.")
        for rule in rules:
            try:
                self._told(rule.act, rule.name, sessions_of(Draft.of(rule)))
            except Refused as error:
                self.stderr.write(f"{rule.name}: {error}")
        if not name:
            self._told("delete for good", "deleted long enough ago", overdue())

    def _told(self, act: str, name: str, rows: Any) -> None:
        number = 0
        found = rows.order_by("updated_at", "id").values_list("source", "session_id")
        for source, session_id in found.iterator(chunk_size=1000):
            self.stdout.write(f"{act}\t{source}\t{readable(session_id).translate(_ONE_LINE)}")
            number += 1
        self.stdout.write(f"# {name}: {number:,} sessions")


_ONE_LINE = {code: 0x2400 + code for code in range(32)} | {127: 0x2421}
