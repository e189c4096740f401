"""Going through the whole log: is each entry as it was written, in its place, and none missing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from django.db import transaction
from django.utils import timezone

from agentos.audit.chain import GENESIS, entry_hash
from agentos.audit.models import Entry, Head

BATCH: Final = 2_000
MOST_PROBLEMS: Final = 20


@dataclass
class Verdict:
    """What was found: the last entry looked at (`number`, `hash`), and a sentence for each of the first problems."""

    number: int = 0
    hash: str = GENESIS
    problems: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def head(self) -> str:
        """The end of the chain, to be kept elsewhere: who has it can tell later that the log still begins like this."""
        return f"{self.number}:{self.hash}"

    def say(self, sentence: str) -> None:
        """Take a problem down, unless there are enough."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(sentence)


def verify(kept: str = "") -> Verdict:
    """Go through the log, some entries at a time, and keep the outcome for the page.

    `kept`: an earlier `head`, noted outside of this database. Only with it is a log found out that was cut off at its
    end, or written anew, by somebody who also put the head right.
    """
    head = Head.objects.first()
    verdict = Verdict()
    if head is None:
        verdict.say("The row that holds the end of the log is gone.")
    for entry in entries(upto=head.number if head else None):
        _look(entry, verdict)
        if kept and kept.startswith(f"{entry.number}:") and kept != verdict.head:
            verdict.say(f"Entry {entry.number} is not the one of the kept head.")
    if head is not None and verdict.number != head.number:
        verdict.say(_missing(verdict.number + 1, head.number))
    elif head is not None and verdict.hash != head.hash:
        verdict.say("The end of the log is not the entry that was written last.")
    _look_behind(verdict)
    if kept and _number(kept) > verdict.number:
        verdict.say(f"The kept head is entry {_number(kept)}, but the log ends with {verdict.number}.")
    _keep(verdict)
    return verdict


def entries(after: int = 0, upto: int | None = None) -> Iterator[Entry]:
    """Yield the entries behind number `after`, in order, to the one numbered `upto`; some at a time in memory."""
    while True:
        rows = Entry.objects.filter(number__gt=after)
        rows = rows if upto is None else rows.filter(number__lte=upto)
        batch = list(rows.order_by("number")[:BATCH])
        yield from batch
        if len(batch) < BATCH:
            return
        after = batch[-1].number


def _look(entry: Entry, verdict: Verdict) -> None:
    if entry.number != verdict.number + 1:
        verdict.say(_missing(verdict.number + 1, entry.number - 1))
    elif entry_hash(entry, verdict.hash) != entry.hash:
        verdict.say(f"Entry {entry.number} is not what was written behind entry {verdict.number}.")
    verdict.number, verdict.hash = entry.number, entry.hash


def _look_behind(verdict: Verdict) -> None:
    """Look for entries behind the end. The end is read after the last entry, as others append meanwhile."""
    last = Entry.objects.order_by("-number").values_list("number", flat=True).first() or 0
    end = Head.objects.values_list("number", flat=True).first()
    if end is not None and last > end:
        verdict.say(f"The log goes on to entry {last}, behind its end, which is {end}.")


def _missing(first: int, last: int) -> str:
    return f"Entry {first} is missing." if first == last else f"Entries {first} to {last} are missing."


def _number(kept: str) -> int:
    number = kept.partition(":")[0]
    return int(number) if number.isascii() and number.isdigit() else 0


def _keep(verdict: Verdict) -> None:
    with transaction.atomic():
        Head.objects.select_for_update().update(
            checked_at=timezone.now(),
            checked_number=verdict.number,
            check_problem=" ".join(verdict.problems[:3]),
        )
