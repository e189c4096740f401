"""Where one is in a session, as the URL says it: the view, the window, the run, message or call that is marked."""

from dataclasses import dataclass
from typing import Final, Self

from django.http import QueryDict

from agentos.catalog.keys import unquote_id

VIEWS: Final = (("conversation", "Conversation"), ("timeline", "Timeline"), ("log", "Log"))
FIND_CHARACTERS: Final = 200
# Behind every message of a run.
END: Final = 10**9


@dataclass(frozen=True)
class Cursor:
    """A place between messages: the run's ordinal, and the number of a message in it."""

    ordinal: int
    place: int

    @classmethod
    def read(cls, text: str, place: int) -> Self | None:
        """Return the place that "12" or "12.40" names, None for anything else. `place`: of a text without one."""
        ordinal, dot, message = text.partition(".")
        run, number = _number(ordinal), _number(message)
        if run is None or (dot and number is None):
            return None
        return cls(run, place if number is None else number)

    def __str__(self) -> str:
        """How it stands in a URL."""
        return f"{self.ordinal}.{self.place}"


@dataclass(frozen=True)
class Asked:
    """What is asked of the page. What the URL says that is none of it is left out.

    `before`, `after`: cursors of the window. `run`: the id of the run to show, `message` and `call` in it: numbers from
    1 and from 0. `find`: words to find, `hit` the place among those that say them. `prompts`: the ordinal from which
    on prompts are listed, None when they are not.
    """

    view: str
    tab: str
    before: Cursor | None
    after: Cursor | None
    start: int | None
    run: str
    message: int | None
    call: int | None
    find: str
    hit: str
    prompts: int | None
    since: str
    to: str

    @classmethod
    def of(cls, query: QueryDict) -> Self:
        """Read a URL's query."""
        view = query.get("view", "")
        return cls(
            view=view if view in dict(VIEWS) else VIEWS[0][0],
            tab=query.get("tab", ""),
            before=Cursor.read(query.get("before", ""), 0),
            after=Cursor.read(query.get("after", ""), END),
            start=_number(query.get("from", "")),
            run=unquote_id(query.get("run", "")),
            message=_number(query.get("message", "")),
            call=_number(query.get("call", "")),
            find=query.get("find", "")[:FIND_CHARACTERS].strip(),
            hit=query.get("hit", "")[:40],
            prompts=_number(query.get("prompts", "")),
            since=query.get("from", ""),
            to=query.get("to", ""),
        )

    @property
    def next_view(self) -> str:
        """The view that one key leads to: round and round."""
        names = [name for name, _ in VIEWS]
        return names[(names.index(self.view) + 1) % len(names)]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
