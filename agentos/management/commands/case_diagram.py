"""Write the diagram of a case's states into the docs, from the table that the program goes by."""

from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand

from agentos.moderation.states import diagram

DOCUMENT: Final = Path("docs") / "moderation.md"
BEGIN: Final = "```mermaid\n"
END: Final = "```"


def with_diagram(text: str) -> str:
    """Return the document with its diagram made anew."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}{diagram()}\n{END}{rest.partition(END)[2]}"


class Command(BaseCommand):
    """`case_diagram`."""

    help = "Write the diagram of a case's states into docs/moderation.md; for developers."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rewrite the document if the diagram has changed."""
        path = settings.BASE_DIR / DOCUMENT
        path.write_text(with_diagram(path.read_text()))
        self.stdout.write(f"{DOCUMENT} is as the table says.")
