"""Jobs as their pages show them: what is asked before one, how far it is, what became of each session."""

from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.http import urlencode

from agentos.access.roles import AnyUser
from agentos.jobs import service
from agentos.jobs.acts import BulkAct, find, may
from agentos.jobs.models import Job, JobItem
from agentos.jobs.states import Came

ITEMS: Final = 100
JOBS: Final = 50
# What is summed over a list, in words; and what was done, as acts tell it.
_PROMISED: Final = {
    "runs": "runs",
    "messages": "messages",
    "bytes": "stored",
    "media": "media",
    "media_bytes": "of media",
}
SIZES: Final = frozenset({"bytes", "media_bytes", "attachment_bytes"})
_TOLD: Final = {
    "sessions": "sessions", "runs": "runs", "embedded": "runs inside others", "messages": "messages", "media": "media",
    "media_bytes": "of media", "bytes": "in the source", "results": "tool results held apart",
    "compactions": "compactions",
    "transcripts": "lines of outside transcripts", "turns": "turns", "events": "events of turns",
    "copies": "kept copies of runs",
    "attachment_bytes": "of attachments", "flags": "flags", "cases": "cases", "notes": "notes", "tags": "tags",
    "stars": "stars", "thumbs": "thumbs", "texts": "texts of the search", "places": "places redacted",
    "kept": "ids and names that keep it",
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A number in words. `is_size`: of bytes."""

    name: str
    label: str
    value: int

    @property
    def is_size(self) -> bool:
        """Whether it is a number of bytes."""
        return self.name in SIZES


@dataclass(frozen=True)
class JobView:
    """A job with what its reader may do to it. `act` is None for one of a version that knew more."""

    job: Job
    act: BulkAct | None
    is_own: bool
    may_steer: bool

    @property
    def verb(self) -> str:
        """What is done, as a button says it."""
        return self.act.verb if self.act else self.job.act

    @property
    def title(self) -> str:
        """What is done to how many."""
        return f"{self.verb} {self.job.total:,} session{'' if self.job.total == 1 else 's'}"

    @property
    def options(self) -> list[tuple[str, str]]:
        """What the form said besides the reason, with its labels."""
        known = {one.name: one.label for one in self.act.options} if self.act else {}
        return [(known.get(name, name), value) for name, value in self.job.options.items() if value]

    @property
    def has_forgotten(self) -> bool:
        """Whether something has to be named again before it goes on: it was not kept when the job ended."""
        names = self.act.secrets if self.act else ()
        return not self.job.sealed and any(self.job.options.get(name) for name in names)

    @property
    def promised(self) -> list[Figure]:
        """What the sessions of the list held when it was frozen."""
        return [Figure(name, label, self.job.promised.get(name, 0)) for name, label in _PROMISED.items()]

    @property
    def sums(self) -> list[Figure]:
        """What was done, where the act counts that."""
        return figures(self.job.sums)

    @property
    def asks_number(self) -> bool:
        """Whether the number of sessions is typed."""
        return service.asks_number(self.job)


@dataclass(frozen=True)
class Report:
    """A page of what became of the sessions. `show`: an end, "" for all; `older`: the address of the next page."""

    items: list[JobItem]
    show: str = ""
    next: str = ""
    tabs: list[tuple[str, str, int, str, bool]] = field(default_factory=list)


def figures(told: dict[str, int]) -> list[Figure]:
    """Return the numbers of an outcome in words, in a fixed order, without those that are 0."""
    return [Figure(name, label, told[name]) for name, label in _TOLD.items() if told.get(name)]


def view_of(job: Job, user: AnyUser) -> JobView:
    """Return a job as its page shows it to one of those who may look at it."""
    act, is_own = find(job.act), job.user_id == user.pk
    may_steer = act is not None and may(user, act) and (is_own or service.sees_all(user))
    return JobView(job, act, is_own, may_steer)


def report(job: Job, user: AnyUser, show: str, after: str) -> Report:
    """Return a page of the items, in their order, from behind the number `after` on."""
    show = show if show in Came.values else ""
    items = service.items_of(job, user).order_by("number")
    if show:
        items = items.filter(came=show)
    if after.isascii() and after.isdecimal() and len(after) < 10:
        items = items.filter(number__gt=int(after))
    found = list(items[: ITEMS + 1])
    more = ""
    if len(found) > ITEMS:
        found = found[:ITEMS]
        more = f"?{urlencode({'show': show, 'after': str(found[-1].number)})}"
    tabs = [("", "All", job.total, "?", not show)]
    tabs += [(name, word, number, f"?show={name}", show == name) for name, word, number in job.counts]
    return Report(found, show, more, tabs)


def as_data(view: JobView) -> dict[str, Any]:
    """Return a job as JSON."""
    job = view.job
    return {
        "id": str(job.pk), "act": job.act, "options": job.options, "reason": job.reason, "chosen": job.chosen,
        "by": job.actor, "status": job.status, "total": job.total, "left": job.left,
        **{name: number for name, _, number in job.counts}, "promised": job.promised, "sums": job.sums,
        "created_at": job.created_at.isoformat(), "started_at": job.started_at and job.started_at.isoformat(),
        "finished_at": job.finished_at and job.finished_at.isoformat(), "problem": job.problem,
        "pruned_at": job.pruned_at and job.pruned_at.isoformat(),
    }  # fmt: skip


def item_as_data(item: JobItem) -> dict[str, Any]:
    """Return what became of one session as JSON."""
    return {
        "number": item.number, "source": item.source, "session_id": item.session_id, "came": item.came,
        "note": item.note, "told": item.told,
    }  # fmt: skip
