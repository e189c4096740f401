"""Session state: where a run's state comes from, what of it lasts, and what one run did to it."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from agentos.db.base import StateChange
from agentos.records import TRANSIENT_STATE


def merged(*states: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return one state of several; later ones win, objects inside are merged as well. Nothing is shared with them."""
    result: dict[str, Any] = {}
    for state in states:
        for key, value in (state or {}).items():
            known = result.get(key)
            both = isinstance(known, dict) and isinstance(value, Mapping)
            result[key] = merged(known, value) if both else deepcopy(value)
    return result


def starting_state(
    default: Mapping[str, Any] | None,
    stored: Mapping[str, Any] | None,
    given: Mapping[str, Any] | None,
    *,
    overwrite: bool,
) -> dict[str, Any]:
    """Return the state a run begins with: what the caller gave, over what is stored, over the component's own.

    With `overwrite` what is stored does not count.
    """
    return merged(default, None if overwrite else stored, given)


def lasting(state: Mapping[str, Any], transient: frozenset[str] = TRANSIENT_STATE) -> dict[str, Any]:
    """Return the state without what holds only for the time of a run."""
    return {key: value for key, value in state.items() if key not in transient}


def change_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> StateChange | None:
    """Return what one run did to the state; None when nothing.

    Only these keys are written, so two runs of one session at once lose nothing unless they set the same key.
    """
    changed = {key: value for key, value in after.items() if key not in before or before[key] != value}
    removed = frozenset(before) - frozenset(after)
    return StateChange(changed, removed) if changed or removed else None
