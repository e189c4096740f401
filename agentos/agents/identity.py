"""Ids: of components that were given none, of sessions and runs that are new."""

import re
import secrets
from typing import Final

from agentos.records.moment import new_id

__all__ = ["component_id", "new_id"]

_FIRST: Final = (
    "amber brisk calm clear deft early fair gentle keen light mild plain quick quiet sunny swift warm wise".split()
)
_SECOND: Final = "brook cedar delta field grove harbor island lake meadow oak pine reef ridge river spring vale".split()


def component_id(name: str | None) -> str:
    """Return a component's id: made of its name, else a random one that can be read (format §2.4)."""
    if name:
        return re.sub(r"[\s_]+", "-", name.strip().lower())
    return f"{secrets.choice(_FIRST)}-{secrets.choice(_SECOND)}-{secrets.token_hex(4)}"
