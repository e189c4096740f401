"""The steps of a workflow, one after the other, until they are done, fail, or wait for somebody."""

from collections.abc import Generator, Sequence

from agentos.records import StepOutput, WorkflowRunOutput
from agentos.records.events import RunOutputEvent
from agentos.records.moment import elapsed
from agentos.workflow import outcome
from agentos.workflow.gate import gated, review_requirement, wants_review
from agentos.workflow.node import Node, follow, started
from agentos.workflow.resuming import partial_output
from agentos.workflow.types import OnError, StepInput
from agentos.workflow.work import Paused, RunCancelled, StepFailed, Work

__all__ = ["Engine"]

Events = Generator[RunOutputEvent, None, None]


class Engine:
    """Does the steps for one run, and keeps in the run how far it is. `results` are the outputs from before a pause."""

    def __init__(
        self,
        nodes: Sequence[Node],
        run: WorkflowRunOutput,
        work: Work,
        results: Sequence[StepOutput] = (),
        *,
        keep_runs: bool = True,
    ) -> None:
        self.nodes, self.run, self.work = nodes, run, work
        self.results = list(results)
        self.keep_runs = keep_runs
        self.began = elapsed()
        stored = run.metrics
        self.before = (stored.duration if stored else None) or 0.0

    def perform(self, step_input: StepInput, start: int = 0) -> Events:
        """Do the steps from `start` on; the run then says how it ended.

        Raises:
            Exception: what a step raised whose failure is fatal; the run is an ERROR.
        """
        try:
            yield from self._steps(step_input, start)
        except RunCancelled as reason:
            outcome.cancelled(self.run, str(reason))
        except Exception as error:
            outcome.fail(self.run, error)
            raise
        finally:
            self._note()

    def end(self, reason: str) -> None:
        """Do nothing more: a person has ended the run."""
        outcome.cancelled(self.run, reason)
        self._note()

    def _steps(self, step_input: StepInput, start: int) -> Events:
        for position, node in list(enumerate(self.nodes))[start:]:
            self.work.check()
            try:
                output = yield from gated(node, self.work, step_input, (position,))
            except Paused as reason:
                yield from self._pause(reason, node, position)
                return
            except StepFailed as failure:
                output = yield from self._failed(failure.step, failure.error, failure.policy, position)
            except RunCancelled as reason:
                partial = partial_output(node, reason.inner, reason.way, reason.output, success=False)
                self.results += [partial] if partial is not None else []
                raise
            except Exception as error:
                output = yield from self._failed(node, error, str(node.human_review.on_error), position)
            if self.run.status == "PAUSED":
                return
            if output is None:
                continue
            self.results.append(output)
            self.work.check()
            if wants_review(node, output):
                yield from self._review(node, step_input, output, position)
                return
            if output.stop:
                break
            step_input = follow(step_input, node.name, output)
            self.work.resumption.retries = 0
        outcome.complete(self.run, self.results)

    def _pause(self, reason: Paused, node: Node, position: int) -> Events:
        partial = partial_output(node, reason.inner, reason.way, is_paused=True)
        if partial is not None:
            self.results.append(partial)
        outcome.pause(self.run, position, reason, node.name)
        yield self._paused_event(reason, position)

    def _review(self, node: Node, step_input: StepInput, output: StepOutput, position: int) -> Events:
        reason = Paused(node, review_requirement(node, step_input, output, position, self.work.resumption.retries))
        outcome.pause(self.run, position, reason, node.name)
        yield self._paused_event(reason, position)

    def _failed(
        self, node: Node, error: Exception, policy: str, position: int
    ) -> Generator[RunOutputEvent, None, StepOutput | None]:
        """Return what stands for a step that failed; None when a person is asked.

        Raises:
            Exception: the error, if it is fatal.
        """
        if policy == OnError.fail:
            raise error
        if policy == OnError.pause:
            earlier = [asked for asked in self.run.error_requirements if asked.step_name == node.name]
            outcome.waits_for_decision(self.run, position, node, error, len(earlier))
            return None
        yield from ()
        return skipped_output(node, str(error))

    def _paused_event(self, reason: Paused, position: int) -> RunOutputEvent:
        asked = reason.requirement
        keys: tuple[str, ...]
        if reason.run is not None:
            keys = ("executor_id", "executor_name", "executor_run_id", "executor_type", "executor_requirements")
            event = "StepExecutorPaused"
        elif asked.requires_route_selection:
            keys = ("available_choices", "user_input_message", "allow_multiple_selections")
            event = "RouterPaused"
        elif asked.is_post_execution:
            keys, event = ("output_review_message", "requires_output_review"), "StepOutputReview"
        else:
            keys = ("requires_confirmation", "confirmation_message", "requires_user_input", "user_input_message")
            keys, event = (*keys, "user_input_schema"), "StepPaused"
        return started(self.work, reason.step, event, (position,), **{key: asked.raw.get(key) for key in keys})

    def _note(self) -> None:
        seconds = self.before + elapsed() - self.began
        outcome.note(self.run, self.results, self.work, keep_runs=self.keep_runs, seconds=seconds)


def skipped_output(node: Node, error: str) -> StepOutput:
    """Return the output of a step that failed while the run goes on."""
    return node.output(f"Step {node.name} failed and was skipped: {error}", success=False, error=error)
