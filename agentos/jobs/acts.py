"""What can be done to many sessions: a registry of acts. Rooms register their own when they are imported.

The simplest act is made by `one_by_one`, from what does it to one session:

    register(BulkAct("shout", "Shout…", "Shout", check_can_shout, one_by_one(lambda row, task: shout(row, task.actor))))
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from django.db import transaction

from agentos.access.roles import AnyUser
from agentos.access.rules import NotAllowed, SessionRow
from agentos.catalog.models import CatalogSession
from agentos.db.errors import SourceError
from agentos.jobs.states import Came
from agentos.moderation.acting import Actor, Conflict, Refused

Told = Mapping[str, int]


@dataclass(frozen=True)
class Task:
    """What is the same for all sessions of a job: who acts, why, and what the form said besides, secrets included."""

    actor: Actor
    reason: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What became of one session: an end of `states.Came`, why not in a sentence, and numbers of what was done."""

    came: Came
    note: str = ""
    told: Told = field(default_factory=dict)


DONE: Final = Outcome(Came.DONE)


@dataclass(frozen=True)
class Target:
    """One session of a job. `row` is None only for an item that was begun before, and whose row is gone since.

    `told`: what `BulkAct.plan` noted of it.
    """

    source: str
    session_id: str
    session_key: str
    created_at: int
    row: CatalogSession | None
    told: Told = field(default_factory=dict)


class Check(Protocol):
    """A rule: raises `NotAllowed` with a sentence; without a row, for who may not do it to any session."""

    def __call__(self, user: AnyUser, row: SessionRow | None = None) -> None:
        """Check."""


Do = Callable[[Sequence[Target], Task], list[Outcome]]


@dataclass(frozen=True)
class Option:
    """A field that an act's form has besides the reason. `choices`: asked for when the form is shown; None: text.

    `is_secret`: it is sealed while the job is not over, and only its fingerprint is kept.
    """

    name: str
    label: str
    choices: Callable[[], list[str]] | None = None
    longest: int = 200
    is_secret: bool = False


@dataclass(frozen=True)
class BulkAct:
    """An act on many sessions.

    Its name; how a list of acts calls it and how a button does; the rule, which holds for each session when its turn
    comes; `do`, which is given `at_once` sessions at most inside a transaction, in which the job keeps its outcomes as
    well: so an act happens exactly once, unless it reaches beyond our own database. Then `plan` returns what is noted
    of each session before `do` is called, and `do` may be called again for a session that it had done already.

    `effects`: what it changes, in sentences. `asks`: what can be refused before anything is frozen; raises `Refused`,
    and may return options that are kept besides. `conceals`: makes of a text that is kept with the job (the query, the
    reason) one that may be kept. `tidy`: what is left to do behind the last session, given the task and the sources
    concerned; returns sentences about what could not be done. `is_grave`: the number of sessions has to be typed.
    `rest`: seconds of rest for each of work, for those who read.
    """

    name: str
    label: str
    verb: str
    check: Check
    do: Do
    effects: tuple[str, ...] = ()
    needs_reason: bool = True
    options: tuple[Option, ...] = ()
    plan: Callable[[Sequence[Target], Task], Sequence[Told]] | None = None
    asks: Callable[[Mapping[str, str]], Mapping[str, str] | None] | None = None
    conceals: Callable[[str, Mapping[str, str]], str] | None = None
    tidy: Callable[[Task, Sequence[str]], list[str]] | None = None
    is_grave: bool = False
    at_once: int = 200
    rest: float = 0.5

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the options that are not kept."""
        return tuple(one.name for one in self.options if one.is_secret)


_acts: Final[dict[str, BulkAct]] = {}


def register(*acts: BulkAct) -> None:
    """Make acts known. Raises ValueError for a name that another act has."""
    for one in acts:
        if one.name in _acts:
            raise ValueError(f"The act {one.name} is registered already.")
        _acts[one.name] = one


def find(name: str) -> BulkAct | None:
    """Return the act of that name; None for one of a version that knew more."""
    return _acts.get(name)


def acts_of(user: AnyUser) -> list[BulkAct]:
    """Return the acts that the user may do at all, in the order they were registered in."""
    return [act for act in _acts.values() if may(user, act)]


def may(user: AnyUser, act: BulkAct) -> bool:
    """Whether the rule of an act lets the user through."""
    try:
        act.check(user)
    except NotAllowed:
        return False
    return True


def one_by_one(do: Callable[[CatalogSession, Task], Told | object]) -> Do:
    """Return the `do` of an act that does it to one session after the other.

    What it returns is the numbers of the outcome if it is a mapping. `Conflict` says that there was nothing to change,
    `Refused` and `NotAllowed` why it may not be, SourceError why it could not: each with its sentence.
    """
    return lambda targets, task: [_one(do, target, task) for target in targets]


def _one(do: Callable[[CatalogSession, Task], Told | object], target: Target, task: Task) -> Outcome:
    if target.row is None:
        return Outcome(Came.REFUSED, "It is not there any more.")
    try:
        with transaction.atomic():
            told = do(target.row, task)
    except Conflict as error:
        return Outcome(Came.UNCHANGED, str(error))
    except (Refused, NotAllowed) as error:
        return Outcome(Came.REFUSED, str(error))
    except SourceError as error:
        return Outcome(Came.FAILED, str(error))
    return Outcome(Came.DONE, told=told) if isinstance(told, Mapping) else DONE
