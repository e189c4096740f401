"""Runs of workflows on the terminal: what was asked, and what each step said."""

from typing import Any

from agentos.agents.printing import Said
from agentos.workflow.plain import text_of


class StepsSaid(Said):
    """What is printed of a workflow's run, step by step."""

    events = True

    def __init__(self, given: Any) -> None:
        super().__init__(given)
        self._streamed = False

    def whole(self, run: Any) -> None:
        """Print a run that has ended."""
        for output in run.step_results:
            self.write(f"— {output.step_name} —\n{output.content_text}\n\n")
        if not run.step_results:
            self.write(f"{run.content_text}\n\n")

    def piece(self, event: Any) -> None:
        """Print what an event says."""
        if event.event == "StepStarted":
            self._streamed = False
            self.write(f"— {event.step_name} —\n")
        elif event.event in ("RunContent", "TeamRunContent"):
            self._streamed = True
            self.write(text_of(event.content))
        elif event.event == "StepCompleted":
            self.write("\n\n" if self._streamed else f"{text_of(event.content)}\n\n")
        elif event.event in ("WorkflowError", "WorkflowCancelled", "WorkflowPaused"):
            why = event.error or event.reason or event.raw.get("paused_step_name")
            self.write(f"{event.event}: {text_of(why)}\n\n")
