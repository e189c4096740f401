"""Why a turn is not taken, or not answered."""

__all__ = ["BadRequest", "CannotAnswer", "KeyReused", "ReasonMissing", "Stopped", "TooMany"]


class BadRequest(Exception):
    """The turn cannot be accepted as it was asked for; `str()` is a sentence that says why."""


class KeyReused(BadRequest):
    """The idempotency key belongs to a turn that asked for something else."""

    def __init__(self) -> None:
        super().__init__(
            "This form was sent before with another message. Send it once more from the page as it is now."
        )


class ReasonMissing(BadRequest):
    """Who acts in the session of somebody else has not said why."""


class TooMany(BadRequest):
    """The person has sent as much as one may within some time."""


class CannotAnswer(Exception):
    """There is nothing to answer in, or no right to; `str()` is the sentence that says why."""


class Stopped(CannotAnswer):
    """Somebody stopped the turn, and its run may go on all the same; `str()` is the sentence that says so."""
