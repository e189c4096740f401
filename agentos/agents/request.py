"""What a run is asked to do, and what its tools may know of it."""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentos.records import Audio, File, Image, Media, Session, Video

if TYPE_CHECKING:
    from agentos.db.base import BaseDb


def never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass(kw_only=True)
class RunRequest:
    """One run of an agent or a team, whose session somebody else keeps: a caller, a team, a workflow.

    `session_state` is the session's live state: tools and members change this very object. `db` and `session` are where
    history is read from. `emit` takes the events of runs inside this one, from whatever thread they run in.
    """

    input: Any
    session_id: str
    run_id: str
    user_id: str | None = None
    images: Sequence[Image] = ()
    videos: Sequence[Video] = ()
    audio: Sequence[Audio] = ()
    files: Sequence[File] = ()
    session_state: dict[str, Any] = field(default_factory=dict)
    dependencies: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    output_schema: Any = None
    stream: bool = False
    parent_run_id: str | None = None
    workflow_id: str | None = None
    workflow_step_id: str | None = None
    depth: int = 0
    cancelled: Callable[[], bool] = never
    loop: AbstractEventLoop | None = None
    db: "BaseDb | None" = None
    session: Session | None = None
    add_history_to_context: bool | None = None
    add_session_state_to_context: bool | None = None
    add_dependencies_to_context: bool | None = None

    @property
    def media(self) -> list[Media]:
        """Everything that came with the input."""
        return [*self.images, *self.videos, *self.audio, *self.files]


@dataclass(kw_only=True)
class RunContext:
    """What a tool that asks for `run_context` is given; `session_state` is the live one."""

    run_id: str
    session_id: str
    user_id: str | None = None
    workflow_id: str | None = None
    workflow_name: str | None = None
    session_state: dict[str, Any] | None = None
    dependencies: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    output_schema: Any = None
    messages: list[Any] | None = None
