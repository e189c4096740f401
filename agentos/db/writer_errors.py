"""Why a write was refused. Each says so in one plain sentence, and nothing was changed."""

from agentos.db.faults import SourceError


class SessionNotFound(SourceError):
    """The source has no session of this id."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"There is no session {session_id!r} in this source.")


class SessionOwnedByOther(SourceError):
    """The session belongs to another user than the run: Agno would replace or lose it."""

    def __init__(self, sentence: str = "This session belongs to another user, so nothing was written to it.") -> None:
        super().__init__(sentence)


class SourceReadOnly(SourceError):
    """The source may only be read."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The source {name} is read-only, so nothing can be written to it.")


class InvalidRun(SourceError):
    """The run has a shape with which Agno could not load the session any more."""


class RunNotFound(SourceError):
    """The session has no run of this id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"This session has no run {run_id!r}.")


class AlreadyStored(SourceError):
    """A session or run of this id is stored already."""


class StateChanged(SourceError):
    """The session's state is not the one that the change was made from."""

    def __init__(self) -> None:
        super().__init__("The state was changed by somebody else meanwhile, so nothing was stored.")


class ContinuedMeanwhile(SourceError):
    """The run waited for people when it was read, and does not any more."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"Somebody else went on with the run {run_id!r} meanwhile, so nothing was written over it.")


class NotPending(SourceError):
    """The approval has been decided, or is not there any more; `status` is what it says now, "" for nothing."""

    def __init__(self, approval_id: str, status: str) -> None:
        super().__init__(f"The approval {approval_id!r} is {status or 'gone'}, so it was not decided again.")
        self.status = status


class Malformed(SourceError):
    """What is stored cannot be understood, so writing over it might lose something."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Nothing was written, because what is stored would be damaged: {what}.")
