"""What an act was done to."""

import hashlib
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Target:
    """A session (`source`, `session_id`), a run of it, or something else by a name (`object`)."""

    source: str = ""
    session_id: str = ""
    run_id: str = ""
    object: str = ""


NOTHING: Final = Target()


def target_key(source: str, session_id: str) -> str:
    """Return what stands for a session in the log's index: ids may be of any length."""
    return hashlib.sha256(f"{source}\n{session_id}".encode("utf-8", "surrogatepass")).hexdigest()
