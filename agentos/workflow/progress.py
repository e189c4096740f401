"""What a step's function may yield to say how far it is."""

from dataclasses import dataclass
from typing import Any


@dataclass
class StepProgress:
    """A sign of life: a text for people, and data for programs."""

    content: str | None = None
    data: dict[str, Any] | None = None
