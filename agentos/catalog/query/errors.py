"""What is wrong with a query, and where."""


class QueryError(Exception):
    """A mistake: a sentence about the `length` characters of the query from `start` on."""

    def __init__(self, sentence: str, start: int = 0, length: int = 0) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.start = start
        self.length = length
