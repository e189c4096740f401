"""Where people had a hand in a run: they answered in the agent's place, or sent its message in a user's name.

A run's metadata say so under `ABOUT`, for whoever reads the database. Any program may write them: who it was is
believed only of the table of turns (`agentos.turns.speaking`).
"""

from typing import Any, Final, NamedTuple

from agentos.records.runs import BadRun, Run

ABOUT: Final = "agentos_sessions"
SPOKEN_BY: Final = "spoken_by"
ACTING_FOR: Final = "acting_for"


class ByPerson(NamedTuple):
    """What of a run a person wrote, by name: `answered`, in the agent's place; `asked`, in the user's. "" is nobody."""

    answered: str = ""
    asked: str = ""

    @property
    def words(self) -> str:
        """Say it, "" of nobody."""
        if self.answered:
            return f"by {self.answered}, a person in the agent's place"
        return f"sent by {self.asked}, a person in the user's name" if self.asked else ""


NOBODY: Final = ByPerson()


def claimed(run: Run | BadRun) -> str:
    """Return who spoke in a run by what its metadata say; "" for nobody."""
    name = _about(run).get(SPOKEN_BY)
    return name if isinstance(name, str) else ""


def names_people(run: Run | BadRun) -> bool:
    """Whether a run's metadata say that a person wrote something of it, so that it is worth asking who."""
    about = _about(run)
    return bool(about.get(SPOKEN_BY) or about.get(ACTING_FOR))


def _about(run: Run | BadRun) -> dict[str, Any]:
    metadata = run.raw.get("metadata") if isinstance(run, Run) else None
    about = metadata.get(ABOUT) if isinstance(metadata, dict) else None
    return about if isinstance(about, dict) else {}
