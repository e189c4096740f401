"""Writing down a workflow run: steps, containers of steps, and the runs of the agents and teams behind them."""

from typing import Any

from agentos.demo.parts import Component, Json, Round
from agentos.demo.script import Script


class Flow:
    """One workflow run of a script's workflow, built step by step and then finished."""

    def __init__(self, script: Script, question: Any) -> None:
        self.script = script
        self.question = question
        self.run_id = script.new_id()
        self.created_at = script.now
        self.executor_runs: list[Json] = []
        self.metrics: Json = {}

    def agent(self, name: str, executor: Component, task: str, answer: str, *rounds: Round, **more: Any) -> Json:
        """Return the output of a step done by an agent or a team; its run is kept in the workflow's."""
        run = self.script.run_of(executor, task, answer, rounds)
        step_id = self.script.new_id()
        run.update({"parent_run_id": self.run_id, "workflow_step_id": step_id, **more})
        self.executor_runs.append(run)
        self.metrics[name] = {
            "step_name": name,
            "executor_type": executor.kind,
            "executor_name": executor.name,
            "metrics": run["metrics"],
        }
        return self._output(name, answer, step_id, "Step", executor, run["run_id"], metrics=run["metrics"])

    def nested(self, name: str, inner: Component, run: Json, answer: str) -> Json:
        """Return the output of a step that is a workflow itself; `run` is that workflow's finished run."""
        step_id = self.script.new_id()
        run.update({"parent_run_id": self.run_id, "workflow_step_id": step_id})
        self.executor_runs.append(run)
        return self._output(name, answer, step_id, "Workflow", inner, run["run_id"])

    def function(self, name: str, content: Any, error: str | None = None) -> Json:
        """Return the output of a step that is a plain function; with `error` it failed."""
        self.script.tick(1)
        output = self._output(name, content, self.script.new_id(), "Function", None, None)
        return {**output, "executor_type": "function", "executor_name": name, "success": error is None, "error": error}

    def container(self, name: str, step_type: str, content: str, *steps: Json) -> Json:
        """Return the output of Steps, Loop, Parallel, Condition or Router around other steps."""
        output = self._output(name, content, self.script.new_id(), step_type, None, None)
        return {**output, "success": all(step["success"] for step in steps), "steps": list(steps)}

    def finish(self, content: Any, *steps: Json, component: Component | None = None, **more: Any) -> Json:
        """Return the workflow run. `component`: the workflow, when it is not the script's own."""
        workflow = component or self.script.component
        return {
            "input": self.question,
            "content": content,
            "content_type": "str" if isinstance(content, str) else "dict",
            **workflow.ids,
            "run_id": self.run_id,
            "session_id": self.script.session_id,
            **({} if self.script.user_id is None else {"user_id": self.script.user_id}),
            "created_at": self.created_at,
            "status": "COMPLETED",
            "metadata": {},
            "images": [],
            "videos": [],
            "audio": [],
            "files": [],
            "step_results": list(steps),
            "step_executor_runs": self.executor_runs,
            "metrics": {"steps": self.metrics, "duration": float(self.script.now - self.created_at)},
            **more,
        }

    def _output(
        self,
        name: str,
        content: Any,
        step_id: str,
        step_type: str,
        executor: Component | None,
        run_id: str | None,
        metrics: Json | None = None,
    ) -> Json:
        return {
            "content": content,
            "step_name": name,
            "step_id": step_id,
            "step_type": step_type,
            "executor_type": executor.kind if executor else None,
            "executor_name": executor.name if executor else None,
            "step_run_id": run_id,
            **dict.fromkeys(("images", "videos", "audio", "files")),
            "metrics": metrics,
            "success": True,
            "error": None,
            "stop": False,
            "is_paused": False,
        }
