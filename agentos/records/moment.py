"""What time it is and which id comes next: asked of the machine, unless runs are made as of another time.

Everything a run is made of takes its times and ids from here, so there is one place to set them: `as_of`.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

__all__ = ["as_of", "elapsed", "new_id", "now", "one_by_one"]


@dataclass(frozen=True)
class _Moment:
    clock: Callable[[], float]
    ids: Callable[[], str]


_set: Final[ContextVar[_Moment | None]] = ContextVar("agentos_moment", default=None)


@contextmanager
def as_of(clock: Callable[[], float], ids: Callable[[], str]) -> Iterator[None]:
    """Make runs at the time that `clock` tells, in unix seconds, with the ids that `ids` gives, each a new one.

    It holds for this context and the threads of the runs begun in it. Their tools and parallel steps are then carried
    out one after the other, in the order they were asked for: only so the same ids and times fall to the same things.
    """
    token = _set.set(_Moment(clock, ids))
    try:
        yield
    finally:
        _set.reset(token)


def one_by_one() -> bool:
    """Whether times and ids are somebody's, and things are to be done in one order."""
    return _set.get() is not None


def now() -> float:
    """Return the time in unix seconds."""
    moment = _set.get()
    return moment.clock() if moment else time.time()


def elapsed() -> float:
    """Return seconds whose differences are durations: by a clock that nobody sets back."""
    moment = _set.get()
    return moment.clock() if moment else time.monotonic()


def new_id() -> str:
    """Return an id for a session, run, message or step: uuid4 as text, as Agno has it."""
    moment = _set.get()
    return moment.ids() if moment else str(uuid.uuid4())
