"""The session list's controls: each is a link or a form field that changes one part of the URL."""

from dataclasses import dataclass, replace

from django.template.defaultfilters import date as date_text

from agentos.catalog.facets import Counts
from agentos.catalog.queries import SessionQuerySet
from agentos.catalog.query.fields import TIMES
from agentos.catalog.query.listing import FACETS, ListQuery
from agentos.catalog.query.printer import printed, value_of
from agentos.catalog.query.tree import Exact, Node, Not, Term, Words, leaves
from sessions_ui.presenters.list_state import DENSITIES, ListState

SINCE_WORDS = {"1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
_COUNTED_CHIPS = 6


@dataclass(frozen=True)
class Chip:
    """A part of the query, with the URL that takes it off. `without`: what would match then, None if not counted.

    `negated`: the part leaves out what it names. `is_typed`: it stands in the box as text.
    """

    key: str
    value: str
    url: str
    rest: ListQuery
    negated: bool = False
    is_typed: bool = False
    without: int | None = None


@dataclass(frozen=True)
class Box:
    """What the query box holds: the text to edit, and the parts that stand before it as chips, as one text.

    `problem` is a sentence about `wrong`, the part of the text between `before` and `behind`.
    """

    typed: str
    kept: str
    problem: str = ""
    before: str = ""
    wrong: str = ""
    behind: str = ""


@dataclass(frozen=True)
class Link:
    """A link with its words; `is_current` when it leads to where one is. `count`: of what is there, "" if unknown."""

    label: str
    url: str
    is_current: bool = False
    count: str = ""


def box(query: ListQuery, kept: str | None = None) -> Box:
    """Return what stands in the query box: free words as text; of a broken query all of the broken text.

    `kept`: what no other control of the page holds, if that is not what it is on the list of sessions.
    """
    if not query.broken:
        return Box(query.words, query.rest if kept is None else kept)
    typed, error = " ".join(broken.text for broken in query.broken), query.broken[0].error
    end = error.start + error.length
    return Box(typed, query.text, error.sentence, typed[: error.start], typed[error.start : end], typed[end:])


def chips(state: ListState) -> list[Chip]:
    """Return a chip for every part of the query; one for each value that is chosen in a facet."""
    found: list[Chip] = []
    for part in state.query.parts:
        terms: tuple[Node, ...] = next(
            (state.query.chosen(name) for name in FACETS if state.query.part(name) == part), (part,)
        )
        for term in terms:
            rest = state.query.less(part, term if len(terms) > 1 else None)
            found.append(_chip(term, state.asking(rest).url(), rest))
    return found


def _chip(node: Node, url: str, rest: ListQuery) -> Chip:
    match node:
        case Term():
            return Chip(node.field, value_of(node), url, rest)
        case Not(Term() as term):
            return Chip(term.field, value_of(term), url, rest, negated=True)
        case Words():
            return Chip("text", printed(node), url, rest, is_typed=True)
        case Not(part):
            return Chip("", printed(part), url, rest, negated=True)
    return Chip("", printed(node), url, rest)


def counted(found: list[Chip], visible: SessionQuerySet) -> list[Chip]:
    """Return the first chips with what dropping each would give. One query a chip, so only when nothing matches."""
    return [replace(chip, without=visible.filtered(chip.rest).count()) for chip in found[:_COUNTED_CHIPS]] + found[
        _COUNTED_CHIPS:
    ]


def views(state: ListState, counted: Counts) -> list[Link]:
    """Return the questions most often asked of a list, with how many sessions each has if that is counted anyway."""
    everything = ListQuery()
    found = [Link("All", state.asking(everything).url(), state.query == everything)]
    counts = _by_status(state, counted)
    if counts and not state.query.parts:
        found[0] = replace(found[0], count=number(counted))
    for label, value in (("Needs a person", "PAUSED"), ("Errors", "ERROR"), ("Running", "RUNNING")):
        wanted = ListQuery.of(Term("status", Exact(value)))
        count = counts and (counts.get(value) or "0")
        found.append(Link(label, state.asking(wanted).url(), state.query == wanted, count or ""))
    return found


def _by_status(state: ListState, counted: Counts) -> dict[str, str]:
    """Return how many sessions have each status, if nothing else narrows the list; the facet leaves itself out."""
    is_narrowed = state.query.broken or state.query.without("status").parts
    if is_narrowed or not counted.in_time or "status" in counted.partial:
        return {}
    return {one.value: f"{one.count:,}" for one in counted.values["status"]}


def number(counted: Counts) -> str:
    """Return how many sessions the list has, as far as was counted: "3,412", "5,000+"."""
    if not counted.in_time:
        return "an unknown number"
    return f"{counted.sessions:,}{'+' if counted.over else ''}"


def total_words(counted: Counts) -> str:
    """Return how many sessions the list has, in words."""
    return "Not counted" if not counted.in_time else f"{number(counted)} session{'' if counted.sessions == 1 else 's'}"


def other_density(state: ListState) -> Link:
    """Return the link that makes the rows higher or lower; its words say what they are now."""
    now = state.shown_density
    other = next(density for density in DENSITIES if density != now)
    return Link(now.capitalize(), replace(state, density=other).url())


def range_words(query: ListQuery) -> str:
    """Return the stretch of time that is listed, in words."""
    times = [leaf for leaf in leaves(query.node) if isinstance(leaf, Term) and leaf.field in TIMES]
    if len(times) > 1:
        return "As the query says"
    if query.since:
        return SINCE_WORDS[query.since]
    first, last = (date_text(day, "j M Y") if day else "" for day in query.days)
    if first and last:
        return f"{first} to {last}"
    return f"From {first}" if first else f"Up to {last}" if last else "As the query says" if times else "All time"
