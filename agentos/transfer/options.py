"""What may be chosen of an export."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from agentos.masking import current
from agentos.records import ByPerson

PURPOSES: Final = ("fine-tuning", "evaluation")
MOST_HISTORY: Final = 50


def nobody_known(source_name: str, session_id: str) -> Mapping[str, ByPerson]:
    """Return nothing: for whoever has no table of people's turns to ask."""
    return {}


@dataclass(frozen=True)
class Options:
    """`purpose` and `history` (how many earlier runs come along) are for JSON Lines.

    What looks like a secret is masked, unless `secrets` are wanted. `people` tells of a source and a session what
    people wrote of which of its runs, by their ids: rooms above this one know.
    """

    purpose: Literal["fine-tuning", "evaluation"] = "fine-tuning"
    history: int = 0
    secrets: bool = False
    people: Callable[[str, str], Mapping[str, ByPerson]] = nobody_known

    @property
    def mask(self) -> Callable[[str], str]:
        """What each stored text goes through."""
        return str if self.secrets else current().masked
