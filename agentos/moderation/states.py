"""The states of a case and the one table of its transitions, from which the diagram in the docs is made."""

from dataclasses import dataclass
from typing import Final

from django.db import models


class State(models.TextChoices):
    """Where a case is."""

    OPEN = "open", "Open"
    CLAIMED = "claimed", "Claimed"
    ESCALATED = "escalated", "Escalated"
    RESOLVED = "resolved", "Resolved"


class Outcome(models.TextChoices):
    """What was decided in the end."""

    NO_ACTION = "no_action", "No action"
    WARNED = "warned", "Warned"
    ACTED = "acted", "Acted upon"
    KEPT_ON_HOLD = "kept_on_hold", "Kept on hold"
    SUSPENDED = "suspended", "User suspended"


@dataclass(frozen=True)
class Transition:
    """An act by which a case goes from one of the states `before` to `after`; `done` is how its history tells it."""

    act: str
    before: frozenset[State]
    after: State
    done: str


def _transition(act: str, before: tuple[State, ...], after: State, done: str) -> Transition:
    return Transition(act, frozenset(before), after, done)


UNRESOLVED: Final = (State.OPEN, State.CLAIMED, State.ESCALATED)
TRANSITIONS: Final = {
    one.act: one
    for one in (
        _transition("claim", (State.OPEN, State.ESCALATED), State.CLAIMED, "claimed it"),
        _transition("assign", UNRESOLVED, State.CLAIMED, "assigned it"),
        _transition("give_back", (State.CLAIMED,), State.OPEN, "gave it back"),
        _transition("escalate", (State.OPEN, State.CLAIMED), State.ESCALATED, "escalated it"),
        _transition("resolve", (State.CLAIMED, State.ESCALATED), State.RESOLVED, "resolved it"),
        _transition("reopen", (State.RESOLVED,), State.OPEN, "opened it again"),
    )
}


def leads_on(act: str, state: str) -> bool:
    """Whether the act is possible in the state."""
    return state in TRANSITIONS[act].before


def diagram() -> str:
    """Return the table as a Mermaid diagram."""
    lines = ["stateDiagram-v2", "    [*] --> open: flag"]
    for one in TRANSITIONS.values():
        lines += [f"    {before} --> {one.after}: {one.act}" for before in State if before in one.before]
    return "\n".join([*lines, "    resolved --> [*]"])
