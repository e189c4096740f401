"""What goes wrong with sessions, tools and models, to be caught; some of it under Agno's path `agno.exceptions`."""

from agentos.db.faults import SourceError, SourceUnavailable
from agentos.db.writer_errors import RunNotFound, SessionNotFound, SessionOwnedByOther
from agentos.llm import ModelError
from agentos.tools.exceptions import RetryAgentRun, StopAgentRun

__all__ = [
    "ModelError",
    "RetryAgentRun",
    "RunNotFound",
    "SessionNotFound",
    "SessionOwnedByOther",
    "SourceError",
    "SourceUnavailable",
    "StopAgentRun",
]
