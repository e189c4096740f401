"""Writing down one demo session, turn by turn, each a run of the classes that programs use.

Ids follow from the session's own id and times run on from its start, so the same runs come of it on every machine.
"""

import json
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid5

from agentos import Agent
from agentos.db import InMemoryDb
from agentos.demo.acting import Line, Role, actor
from agentos.demo.parts import Component, Json, Round
from agentos.records import File, Image
from agentos.records.moment import as_of

# Ids are the same on every machine, so links to the demo stay good.
_IDS: Final = UUID("6f0d6c0e-4a3f-4a7b-9d41-2f1f0b5a7c11")


class Part(dict[str, Any]):
    """The run of somebody who is asked by another: a team's member, a step. Empty until it is."""

    def __init__(self, role: Role) -> None:
        super().__init__()
        self.role = role


@dataclass
class Script:
    """One session. `started` is in unix seconds; `user_id` None is an anonymous session."""

    session_id: str
    component: Component
    user_id: str | None
    started: int
    name: str | None = None
    state: Json | None = None
    metadata: Json | None = None
    summary: Json | None = None
    # Seconds between the end of one run and the next question.
    pause: int = 95
    runs: list[Json] = field(default_factory=list)
    _clock: float = 0
    _count: int = 0
    db: InMemoryDb = field(default_factory=InMemoryDb)

    def __post_init__(self) -> None:
        """Begin at the start."""
        self._clock = self.started

    def turn(
        self,
        question: str,
        answer: Any,
        *rounds: Round,
        state: Json | None = None,
        status: str = "COMPLETED",
        thinking: str = "",
        citations: Json | None = None,
        images: Sequence[Json] = (),
        files: Sequence[Json] = (),
        schema: type | None = None,
        **more: Any,
    ) -> Json:
        """Add a run: the question, rounds of tool calls, the answer; None when it waits for somebody before that.

        `state` is merged into the session's state as of this run. `status` ERROR: the answer is what the model's server
        says instead of one; CANCELLED: it is stopped at the answer's end. Any other is written over the run's own, and
        `more` are further keys of the run: of features that our agents do not have. Returns the run, to be refined.
        """
        if state is not None:
            self.state = {**(self.state or {}), **state}
        run_id = self.new_id()
        stop = partial(Agent.cancel_run, run_id) if status == "CANCELLED" else None
        line = Line(_text(answer), (), thinking, citations, status == "ERROR", stop)
        role = Role(self.component, question, (*_calls(rounds), *([line] if answer is not None else [])))
        media = {"images": [*map(Image.from_dict, images)], "files": [*map(File.from_dict, files)]}
        [run] = self._played(role, 1, {}, run_id=run_id, output_schema=schema, **media)
        if status not in ("ERROR", "CANCELLED", "COMPLETED"):
            run["status"] = status
        run.update(more)
        return run

    def run_of(
        self,
        component: Component,
        question: str,
        answer: Any,
        rounds: Sequence[Round] = (),
        *,
        members: Sequence[Part] = (),
        fails: bool = False,
    ) -> Part:
        """Return the run of an agent or a team that somebody will ask, with the runs of the members it asks itself.

        `fails`: the answer is what the model's server says instead of one.
        """
        lines = (*_calls(rounds), Line(_text(answer), fails=fails))
        return Part(Role(component, question, lines, tuple(member.role for member in members)))

    def team_turn(self, question: str, answer: str, *members: Part, embed: bool = False) -> Json:
        """Add a team run that delegates to `members`, which `run_of` made. They come before it, as Agno saves them.

        `embed`: teams store their members' runs inside their own as well.
        """
        role = Role(self.component, question, (Line(answer),), tuple(member.role for member in members))
        *asked, run = self._played(role, len(members) + 1, {"store_member_responses": embed})
        for member, own in zip(members, asked, strict=True):
            member.update(own)
        return run

    def _played(self, role: Role, count: int, of_component: Json, **options: Any) -> list[Json]:
        """Run the agent or team and return what it stored: `count` runs, members' first."""
        with self.own_time():
            actor(role.component, [role], self, db=self.db, **of_component).run(role.task, **self.asked, **options)
        return self.keep(count)

    @property
    def asked(self) -> Json:
        """The options of a run in this session."""
        return {"session_id": self.session_id, "user_id": self.user_id, "session_state": self.state}

    def keep(self, count: int) -> list[Json]:
        """Add the last `count` runs that were stored, and return them."""
        self._clock = math.ceil(self._clock) + self.pause
        runs = [run.raw for run in self.db.last_runs(self.session_id, count, top_level=False)]
        self.runs += runs
        return runs

    @property
    def data(self) -> Json:
        """What the session's row says of its component."""
        kind = self.component.kind
        stored = self.db.load_session(self.session_id)
        known: Json = stored.raw[f"{kind}_data"] if stored else actor(self.component, [], self).component_data()
        return known

    def own_time(self) -> AbstractContextManager[None]:
        """Return the context in which runs take their times and ids from the script."""
        return as_of(lambda: self._clock, self.new_id)

    def new_id(self) -> str:
        """Return the session's next id."""
        self._count += 1
        return str(uuid5(_IDS, f"{self.session_id}/{self._count}"))

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self._clock += seconds


def _calls(rounds: Sequence[Round]) -> list[Line]:
    """Return the lines that ask for the calls of each round."""
    return [Line(calls=each if isinstance(each, tuple) else (each,)) for each in rounds]


def _text(answer: Any) -> str:
    """Return an answer as the model says it: structured output as JSON."""
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
