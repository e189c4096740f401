"""What happened over time, what is odd and what takes room: sums over the runs and sessions that somebody may see.

For somebody who sees everything and asks nothing they are read from the sums that are kept (`rollups.py`); for
everybody else they are made from the sessions that match, those updated last, so nothing of others is in them.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db.models import Max

from agentos.catalog.figures import Tally, figures, names_of
from agentos.catalog.health import MARKS
from agentos.catalog.hours import HOUR, hours, percentile
from agentos.catalog.rollup_models import CatalogHour, CatalogThing
from agentos.catalog.things import MOST_SESSIONS, SECONDS
from agentos.catalog.timebox import timebox

if TYPE_CHECKING:
    from agentos.catalog.queries import SessionQuerySet

DAY_HOURS: Final = 24
_SUMMED: Final = ("runs", "failed", "cost_unknown")
_KNOWN: Final = ("input_tokens", "cached_tokens", "output_tokens", "tokens", "cost")


@dataclass(frozen=True)
class Span:
    """A length of time in steps, both in hours."""

    name: str
    hours: int
    step: int

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return self.hours // self.step


SPANS: Final = {
    one.name: one
    for one in (
        Span("24h", DAY_HOURS, 1),
        Span("7d", 7 * DAY_HOURS, 2),
        Span("30d", 30 * DAY_HOURS, 12),
        Span("90d", 90 * DAY_HOURS, DAY_HOURS),
        Span("1y", 364 * DAY_HOURS, 7 * DAY_HOURS),
    )
}


@dataclass
class Sums:
    """Sums over the runs that began in some hours. Tokens and cost (dollars) are None when none is known.

    `runs` and `failed` are of runs that are not inside others; `cost_unknown`: runs without a cost. `durations`: bucket
    of `hours.bucket_of` to number of runs.
    """

    start: int = 0
    runs: int = 0
    failed: int = 0
    cost_unknown: int = 0
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    tokens: int | None = None
    cost: float | None = None
    durations: Counter[int] = field(default_factory=Counter)

    def add(self, hour: CatalogHour) -> None:
        """Add the sums of an hour; what is unknown adds nothing."""
        for name in _SUMMED:
            setattr(self, name, getattr(self, name) + getattr(hour, name))
        for name in _KNOWN:
            value = getattr(hour, name)
            if value is not None:
                setattr(self, name, (getattr(self, name) or 0) + value)
        self.durations.update({int(bucket): count for bucket, count in hour.durations.items()})

    def took(self, share: float) -> float | None:
        """Return the seconds that this share of the runs did not exceed; None when no duration is known."""
        return percentile(self.durations, share)


@dataclass
class Clocked:
    """The steps of a span, `whole` for all of them, `before` for the span before. Times are unix seconds.

    `capped`: the sums are of the sessions updated last, as more match than are looked at; `in_time`: it did not take
    too long to make them. `last`: when the last run before `end` began, None when there is none.
    """

    span: Span
    end: int
    steps: list[Sums]
    whole: Sums
    before: Sums
    last: int | None = None
    capped: bool = False
    in_time: bool = True

    @property
    def start(self) -> int:
        """When the first step begins."""
        return self.end - self.span.hours * HOUR


def kept(span: Span, until: int) -> Clocked:
    """Return the span up to the end of the step that holds `until` (unix seconds), of everything there is."""
    clock = _clock(span, until)
    begin, end = clock.start // HOUR - span.hours, clock.end // HOUR
    _fill(clock, CatalogHour.objects.filter(hour__gte=begin, hour__lt=end))
    last = CatalogHour.objects.filter(hour__lt=end).aggregate(last=Max("hour"))["last"]
    clock.last = None if last is None else last * HOUR
    return clock


def counted(span: Span, until: int, sessions: "SessionQuerySet") -> Clocked:
    """Return the same of these sessions, at most MOST_SESSIONS of them, made now."""
    from agentos.catalog.models import CatalogRun  # models import this package's querysets

    clock = _clock(span, until)
    begin = clock.start - span.hours * HOUR
    # A run cannot begin after its session was updated last.
    recent = sessions.filter(updated_at__gte=begin).order_by("-updated_at", "-id")
    with timebox(SECONDS) as box:
        keys = list(recent.values_list("pk", flat=True)[: MOST_SESSIONS + 1])
        runs = CatalogRun.objects.filter(session_id__in=recent.values("pk")[:MOST_SESSIONS])
        _fill(clock, hours(runs.filter(created_at__gte=begin, created_at__lt=clock.end)))
        clock.capped = len(keys) > MOST_SESSIONS
        clock.last = sessions.filter(updated_at__lt=clock.end).aggregate(last=Max("updated_at"))["last"]
    clock.in_time = not box.over
    return clock


def _clock(span: Span, until: int) -> Clocked:
    """Steps begin at multiples of their length, so that a step is the same whenever one looks."""
    length = span.step * HOUR
    end = (until // length + 1) * length
    steps = [Sums(start=end - (span.steps - at) * length) for at in range(span.steps)]
    return Clocked(span, end, steps, Sums(start=steps[0].start), Sums(start=steps[0].start - span.hours * HOUR))


def _fill(clock: Clocked, found: Iterable[CatalogHour]) -> None:
    length = clock.span.step * HOUR
    for hour in found:
        at = (hour.hour * HOUR - clock.start) // length
        if at >= 0:
            clock.steps[at].add(hour)
        (clock.whole if at >= 0 else clock.before).add(hour)


@dataclass(frozen=True)
class Condition:
    """How the data is: how many sessions have each mark, and the bytes of what is stored, by what they are.

    `stored` are all bytes; `media` those of pictures, sounds and files, `copies` those of messages stored again.
    """

    marks: dict[str, int] = field(default_factory=dict)
    sessions: int = 0
    stored: int = 0
    media: int = 0
    copies: int = 0
    in_time: bool = True

    @property
    def rest(self) -> int:
        """Bytes of messages, tool calls and everything else."""
        return max(0, self.stored - self.media - self.copies)


def condition(sessions: "SessionQuerySet | None") -> Condition:
    """Return how the data of these sessions is, at most MOST_SESSIONS of them; None: of everything, as it is kept."""
    if sessions is None:
        return _condition(CatalogThing.objects.filter(kind__in=("health", "all")))
    with timebox(SECONDS) as box:
        found = [figures(kind, sessions, MOST_SESSIONS).in_all() for kind in ("health", "all")]
    return Condition(in_time=False) if box.over else _condition(one for some in found for one in some)


def _condition(found: Iterable[CatalogThing | Tally]) -> Condition:
    marks: dict[str, int] = {}
    every = None
    for thing in found:
        if thing.kind == "all":
            every = thing
        elif (name := str(names_of(thing.key)[0])) in MARKS:
            marks[name] = thing.sessions
    marks = {name: marks[name] for name in MARKS if name in marks}
    if every is None:
        return Condition(marks)
    return Condition(marks, every.sessions, every.stored_bytes, every.media_bytes, every.history_bytes)
