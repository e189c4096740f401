"""Runs of workflows on the terminal: what was asked, and what each step said."""

import sys
import time
from typing import TYPE_CHECKING, Any, Final

from agentos.workflow.plain import text_of

if TYPE_CHECKING:
    from agentos.records import WorkflowRunOutput
    from agentos.workflow.workflow import Workflow

# Options of Agno's own printing that mean something only to its panels.
_IGNORED: Final = ("markdown", "show_time", "show_step_details", "console")


def print_sync(workflow: "Workflow", given: Any, stream: bool | None, options: dict[str, Any]) -> None:
    """Run and print; with `stream` as it comes."""
    said = _Said(given, options)
    if not stream:
        said.whole(workflow.run(given, stream=False, **options))
        return
    for event in workflow.run(given, stream=True, stream_events=True, **options):
        said.piece(event)
    said.end()


async def print_async(workflow: "Workflow", given: Any, stream: bool | None, options: dict[str, Any]) -> None:
    """Like `print_sync`, on an event loop."""
    said = _Said(given, options)
    if not stream:
        said.whole(await workflow.arun(given, stream=False, **options))
        return
    async for event in workflow.arun(given, stream=True, stream_events=True, **options):
        said.piece(event)
    said.end()


class _Said:
    """What has been printed of one run."""

    def __init__(self, given: Any, options: dict[str, Any]) -> None:
        for name in _IGNORED:
            options.pop(name, None)
        self._begun = time.monotonic()
        self._streamed = False
        self._write(f"▸ {text_of(given)}\n\n")

    def whole(self, run: "WorkflowRunOutput") -> None:
        for output in run.step_results:
            self._write(f"— {output.step_name} —\n{output.content_text}\n\n")
        if not run.step_results:
            self._write(f"{run.content_text}\n\n")
        self.end()

    def piece(self, event: Any) -> None:
        if event.event == "StepStarted":
            self._streamed = False
            self._write(f"— {event.step_name} —\n")
        elif event.event in ("RunContent", "TeamRunContent"):
            self._streamed = True
            self._write(text_of(event.content))
        elif event.event == "StepCompleted":
            self._write("\n\n" if self._streamed else f"{text_of(event.content)}\n\n")
        elif event.event in ("WorkflowError", "WorkflowCancelled", "WorkflowPaused"):
            self._write(
                f"{event.event}: {text_of(event.error or event.reason or event.raw.get('paused_step_name'))}\n\n"
            )

    def end(self) -> None:
        self._write(f"({time.monotonic() - self._begun:.1f} s)\n\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
