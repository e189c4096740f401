"""What every page's frame shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from agentos.access.managing import can_manage_people
from agentos.access.rights import AnyUser, Right, has_right, rights_of
from agentos.access.rules import can_see_settings, scope_of
from agentos.catalog.keeping import known_states, states_for_page
from agentos.catalog.models import SourceState
from agentos.catalog.seen_sources import seen_sources
from agentos.db.sources import Source, SourceError, all_sources
from agentos.jobs.acts import acts_of
from agentos.moderation.queue import open_count
from agentos.moderation.rules import can_moderate
from agentos.transfer.rules import can_export
from sessions_ui.permissions import may_audit

THEMES = ("light", "dark")
UNREADABLE = "The setting that names the sources cannot be read. An administrator can put it right."


@dataclass(frozen=True)
class SourceLine:
    """A source as the top bar shows it: `mode` is what may be done, `problem` a sentence, "" while it answers."""

    name: str
    mode: str
    problem: str


@dataclass(frozen=True)
class SourceMenu:
    """The sources in one line, and one line for each."""

    label: str
    remark: str
    lines: list[SourceLine]

    @property
    def has_problem(self) -> bool:
        """Whether one of the sources does not answer."""
        return any(line.problem for line in self.lines)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return the theme, the sources and the user's role. Nothing is asked of a database before a page shows it."""
    theme = request.COOKIES.get("theme", "")
    user = getattr(request, "user", None)
    return {
        "theme": theme if theme in THEMES else "",
        "source_menu": SimpleLazyObject(lambda: source_menu(known_states(), user)),
        "to_review": SimpleLazyObject(lambda: to_review(user)),
        "sees_settings": SimpleLazyObject(lambda: user is not None and can_see_settings(user)),
        "may_act": SimpleLazyObject(lambda: user is not None and bool(acts_of(user))),
        "may_export": SimpleLazyObject(lambda: user is not None and can_export(user)),
        "may_audit": SimpleLazyObject(lambda: user is not None and may_audit(user)),
        "manages_people": SimpleLazyObject(lambda: user is not None and can_manage_people(user)),
        "role": SimpleLazyObject(lambda: rights_of(user).label if user is not None else ""),
        "reads": SimpleLazyObject(lambda: user is not None and has_right(user, Right.READ)),
        "moderates": SimpleLazyObject(lambda: user is not None and can_moderate(user)),
    }


def to_review(user: AnyUser | None) -> int | None:
    """Return how many cases wait in the review queue, None for who is no moderator."""
    return open_count(user) if user is not None and can_moderate(user) else None


def fresh_states(user: AnyUser) -> tuple[list[SourceState], str]:
    """Have the catalog follow its sources; return the states of those the user sees, and what is wrong with them."""
    try:
        states = states_for_page()
    except SourceError as error:
        return [], _setting_words(error, user)
    seen = seen_sources(user, [state.source for state in states])
    return [state for state in states if state.source in seen], ""


def sources_seen(user: AnyUser) -> list[Source]:
    """Return the configured sources that the user may be told of. Raises SourceError as `all_sources` does."""
    sources = all_sources()
    seen = seen_sources(user, [one.name for one in sources])
    return [one for one in sources if one.name in seen]


def sources_offered(user: AnyUser) -> list[Source]:
    """Return the sources into which the user may be asked to put something: those they see sessions of.

    Whoever sees none yet is told of one where there is only one.
    """
    return sources_seen(user) or (all_sources() if len(all_sources()) == 1 else [])


def _setting_words(error: SourceError, user: AnyUser | None) -> str:
    """Return what is wrong with the setting that names the sources, which quotes it: to who sees all of them alone."""
    return str(error) if user is None or scope_of(user).everything else UNREADABLE


def source_menu(states: Iterable[SourceState], user: AnyUser | None = None) -> SourceMenu:
    """Return the configured sources with what is known of their states: those that the user sees sessions of.

    `user` None: all of them.
    """
    try:
        sources = all_sources() if user is None else sources_seen(user)
    except SourceError as error:
        return SourceMenu("Sources", "not readable", [SourceLine("AGENTOS_SOURCES", "", _setting_words(error, user))])
    problems = {state.source: state.problem for state in states}
    lines = [
        SourceLine(one.name, "read only" if one.read_only else "read · continue", problems.get(one.name, ""))
        for one in sources
    ]
    silent = sum(bool(line.problem) for line in lines)
    if len(lines) == 1:
        return SourceMenu(lines[0].name, "not answering" if silent else lines[0].mode, lines)
    remark = f"{silent} not answering" if silent else ""
    return SourceMenu(f"{len(lines)} sources" if lines else "No source", remark, lines)
