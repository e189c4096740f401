"""Check the audit log, or write it into a file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agentos.audit.files import FORMATS
from agentos.audit.service import COMMAND_LINE, record
from agentos.audit.verifying import entries, verify


class Command(BaseCommand):
    """`audit verify [--head HEAD]`, `audit export [--format FORMAT] [--after NUMBER] [--output FILE]`."""

    help = "Check that no entry of the audit log was changed, removed or moved; or write the log into a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        acts = parser.add_subparsers(dest="act", required=True, metavar="verify|export")
        check = acts.add_parser("verify", help="go through the whole log; exit with 1 if something is wrong")
        check.add_argument("--head", default="", help="an end of the log that was noted elsewhere, NUMBER:HASH")
        export = acts.add_parser("export", help="write the log, oldest entry first")
        export.add_argument("--format", choices=list(FORMATS), default="jsonl")
        export.add_argument("--after", type=int, default=0, metavar="NUMBER", help="only entries behind this one")
        export.add_argument("--output", metavar="FILE", help="a new file, instead of the terminal")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked."""
        if options["act"] == "verify":
            self._verify(options["head"])
        else:
            self._export(options["format"], options["after"], options["output"])

    def _verify(self, kept: str) -> None:
        verdict = verify(kept)
        for problem in verdict.problems:
            self.stderr.write(problem)
        if not verdict.is_whole:
            raise CommandError("The audit log is not what was written.", returncode=1)
        self.stdout.write(f"{verdict.number} entries, each as it was written, none missing.")
        self.stdout.write(f"Keep this outside of the database, for `audit verify --head`:\n{verdict.head}")

    def _export(self, form: str, after: int, output: str | None) -> None:
        details = {"format": form, "after": after}
        record("audit.exported", actor=COMMAND_LINE, actor_id=None, details=details, origin=COMMAND_LINE)
        lines = FORMATS[form][1](entries(after))
        if output is None:
            for line in lines:
                self.stdout.write(line, ending="")
            return
        try:
            with Path(output).open("x", encoding="utf-8", newline="") as file:
                file.writelines(lines)
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}") from error
