"""What may be chosen of an export."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from agentos.masking import current

PURPOSES: Final = ("fine-tuning", "evaluation")
MOST_HISTORY: Final = 50


@dataclass(frozen=True)
class Options:
    """`purpose` and `history` (how many earlier runs come along) are for JSON Lines.

    What looks like a secret is masked, unless `secrets` are wanted.
    """

    purpose: Literal["fine-tuning", "evaluation"] = "fine-tuning"
    history: int = 0
    secrets: bool = False

    @property
    def mask(self) -> Callable[[str], str]:
        """What each stored text goes through."""
        return str if self.secrets else current().masked
