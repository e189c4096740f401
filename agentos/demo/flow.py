"""Writing down a workflow run: the steps that the script's workflow has, and what each does."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final, Self

from agentos import Workflow
from agentos.demo.acting import actor
from agentos.demo.parts import Component, Json, Round
from agentos.demo.script import Script
from agentos.workflow import Step, StepInput, StepOutput
from agentos.workflow.node import Node

_logger: Final = logging.getLogger("agentos")


class Failure(Exception):
    """What the script lets a step fail with."""


class Flow:
    """Runs workflows of one session; a context in which steps are made, as a step's id is the script's too."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._held = ExitStack()

    def __enter__(self) -> Self:
        """Begin to make steps."""
        self._held.enter_context(self.script.own_time())
        self._held.enter_context(_unalarmed())
        return self

    def __exit__(self, *error: object) -> None:
        """Leave ids and times to the machine again."""
        self._held.close()

    def agent(self, name: str, executor: Component, *turns: tuple[str, *tuple[Round, ...]]) -> Step:
        """Return a step done by an agent or a team, once for each turn: its answer, after rounds of tool calls."""
        roles = [self.script.run_of(executor, "", answer, rounds).role for answer, *rounds in turns]
        doer: dict[str, Any] = {executor.kind: actor(executor, roles, self.script)}
        return Step(name, **doer)

    def function(self, name: str, content: Any, error: str | None = None) -> Step:
        """Return a step that is a plain function; with `error` it says that it failed, and the run goes on."""

        def perform(step_input: StepInput) -> StepOutput:
            self.script.tick(1)
            return StepOutput(content=content, success=error is None, error=error)

        return Step(name, executor=_named(perform, name))

    def failing(self, name: str, error: str) -> Step:
        """Return a step that is a function which fails; that ends the run."""

        def perform(step_input: StepInput) -> StepOutput:
            self.script.tick(1)
            raise Failure(error)

        return Step(name, executor=_named(perform, name), max_retries=0, on_error="fail")

    def nested(self, inner: Component, *steps: Node) -> Step:
        """Return a step that is a workflow itself."""
        return Step(inner.id, workflow=self._workflow(inner, *steps))

    def run(self, question: Any, *steps: Node) -> Json:
        """Add a run of the script's workflow with these steps, and return it."""
        script = self.script
        workflow = self._workflow(script.component, *steps)
        with suppress(Failure):  # the run says so, and is stored
            workflow.run(question, **script.asked)
        return script.keep(1)[0]

    def _workflow(self, component: Component, *steps: Node) -> Workflow:
        return Workflow(id=component.id, name=component.name, steps=list(steps), db=self.script.db)


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    function.__name__ = name
    return function


@contextmanager
def _unalarmed() -> Iterator[None]:
    """Keep failures out of the log: those of a script are meant to be."""
    level = _logger.level
    _logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        _logger.setLevel(level)
