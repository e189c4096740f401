"""What is wrong with a query, and where."""

from dataclasses import dataclass


@dataclass(frozen=True)
class QueryError(Exception):
    """A mistake: a sentence about the `length` characters of the query from `start` on."""

    sentence: str
    start: int = 0
    length: int = 0

    def __str__(self) -> str:
        """The sentence."""
        return self.sentence
