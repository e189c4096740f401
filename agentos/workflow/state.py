"""The session state of steps that run side by side."""

from collections.abc import MutableMapping
from typing import Any

__all__ = ["take_over"]


def take_over(state: MutableMapping[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    """Do to `state` what turned `before` into `after`, key by key, inside objects as well."""
    for key in before.keys() - after.keys():
        state.pop(key, None)
    for key, value in after.items():
        known = before.get(key)
        if key in before and known == value:
            continue
        if isinstance(value, dict) and isinstance(state.get(key), dict):
            take_over(state[key], known if isinstance(known, dict) else {}, value)
        else:
            state[key] = value
