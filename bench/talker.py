"""Talks in sessions through an agent: Agno's, of either release, or our own, by the same lines of code.

    python talker.py agno|agentos

Takes jobs from standard input and writes their results to standard output, a line of JSON each. The model answers at
once and without a network, so what takes time is the framework and its database.
"""

import functools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

os.environ["AGNO_TELEMETRY"] = "false"
PACKAGE = sys.argv[1] if len(sys.argv) > 1 else "agentos"
# What the model says it used: the totals of a session are then known.
TOKENS = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}


def of(module: str, name: str) -> Any:
    """Import a name of the package that this process tries: Agno's import paths are ours too."""
    return getattr(import_module(f"{PACKAGE}.{module}"), name)


def our_model(answer: str) -> Any:
    """Return a model for our runtime that gives this answer at once."""
    from agentos.llm.base import Delta, Model
    from agentos.records import Metrics

    class Instant(Model):
        id, name, provider, service = "instant", "Instant", "Instant", "Instant"

        def answer(self, request: Any, *, cancelled: Any) -> Any:
            yield Delta(content=answer, usage=Metrics.from_dict(TOKENS), finish_reason="stop")

    return Instant()


def agnos_model(answer: str) -> Any:
    """Return a model for Agno that gives this answer at once."""
    from agno.metrics import MessageMetrics
    from agno.models.base import Model
    from agno.models.response import ModelResponse

    def invoke(self: Any, *args: Any, **options: Any) -> Any:
        return ModelResponse(role="assistant", content=answer, response_usage=MessageMetrics(**TOKENS))

    def refuse(self: Any, *args: Any, **options: Any) -> Any:
        raise NotImplementedError

    methods = dict.fromkeys(Model.__abstractmethods__, refuse) | {"invoke": invoke}
    return type("Instant", (Model,), methods)(id="instant", name="Instant", provider="Instant")


class Stopwatch:
    """Adds up the seconds inside a database's public methods, called from outside of it."""

    def __init__(self, db: Any) -> None:
        self.seconds = 0.0
        self._depth = 0
        for name in dir(type(db)):
            if not name.startswith("_") and callable(method := getattr(type(db), name)):
                setattr(db, name, self._timed(functools.partial(method, db)))

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            began = time.perf_counter()
            self._depth += 1
            try:
                return method(*args, **options)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.seconds += time.perf_counter() - began

        return timed


@functools.cache
def agent(url: str, answer: str) -> tuple[Any, Stopwatch]:
    """Open a database and make an agent on it, as an application would, with the last three runs as history."""
    if url.startswith("sqlite"):
        db = of("db.sqlite", "SqliteDb")(db_url=url)
    else:
        db = of("db.postgres", "PostgresDb")(db_url=url.replace("postgresql://", "postgresql+psycopg://"))
    model = our_model(answer) if PACKAGE == "agentos" else agnos_model(answer)
    options = {"add_history_to_context": True, "num_history_runs": 3, "telemetry": False}
    return of("agent", "Agent")(id="talker", model=model, db=db, **options), Stopwatch(db)


def turns(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Say all messages of a job, one after the other; yield for each how long it took and what went wrong."""
    talker, watch = agent(job["url"], job["answer"])
    for message in job["messages"]:
        began, stored = time.perf_counter(), watch.seconds
        problem = None
        try:
            ended = talker.run(message, session_id=job["session_id"], user_id=job["user_id"])
            status = getattr(ended.status, "value", ended.status)
            problem = None if status == "COMPLETED" else f"{status}: {ended.content}"
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        yield {"turn": time.perf_counter() - began, "store": watch.seconds - stored, "problem": problem}


def main() -> None:
    """Do jobs until there are no more."""
    # Whatever is printed meanwhile goes where errors go.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    of("agent", "Agent")
    print(json.dumps("ready"), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(list(turns(json.loads(line)))), file=answers, flush=True)


if __name__ == "__main__":
    main()
