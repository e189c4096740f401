"""We and Agno take turns in the same session: five of them, either beginning, and agree on everything after each."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PgServer
from tests.interop.conftest import NEW, OLD, OURS, Side
from tests.interop.runs import told

NAME = 'Dragons \U0001f409 "x" <b> – 世界'
SUMMARY = ["They spoke of Alice.", ["alice", "naïve ✓"]]
KINDS = ("agent", "team", "workflow")
BACKENDS = ("sqlite", "postgresql")
# The answer to each turn counts ten tokens in and three out, with every request that is made for it.
SPENT = "[[usage 10 3]]"
NAMED_AFTER, SUMMED_UP_AFTER = 2, 3


@dataclass(frozen=True)
class Line:
    """One turn: what is asked, and the messages that it leaves for the turns after it."""

    question: str
    answer: str
    call: tuple[str, str, str] | None = None  # tool, arguments, result
    state: dict[str, str] = field(default_factory=dict)
    tokens: int = 13

    @property
    def content(self) -> str:
        """The run's content: all that the model said, beside a call as well as after it."""
        return self.answer * (2 if self.call else 1)

    @property
    def messages(self) -> list[list[Any]]:
        """What the model is sent of it, as `told` puts it."""
        called: list[list[Any]] = []
        if self.call:
            name, arguments, result = self.call
            called = [["assistant", self.answer, [[name, arguments]]], ["tool", result, []]]
        return [["user", self.question, []], *called, ["assistant", self.answer, []]]


def remembering(key: str, value: str) -> Line:
    """A turn in which a tool changes the state."""
    arguments = json.dumps({"key": key, "value": value})
    said = f"Keep it {SPENT}[[tool remember {arguments}]][[say Kept {key}.]]"
    return Line(said, f"Kept {key}.", ("remember", arguments, f"{key} is {value}"), {key: value}, 26)


def delegating(number: int) -> Line:
    """A turn in which a member is asked."""
    arguments = json.dumps({"member_id": "helper", "task": f"{SPENT}[[say Helped {number}]]"})
    said = f"Ask {SPENT}[[tool delegate_task_to_member {arguments}]][[say Done {number}]]"
    return Line(said, f"Done {number}", ("delegate_task_to_member", arguments, f"Helped {number}"), {}, 39)


def plain(number: int) -> Line:
    """A turn of words alone."""
    return Line(
        f"Question {number} é\U0001f30d? {SPENT}[[say Answer {number}\n\n – 世界]]", f"Answer {number}\n\n – 世界"
    )


def noting(word: str) -> Line:
    """A turn of a workflow, one of whose steps changes the state."""
    return Line(f"note:{word} {SPENT}[[say Noted {word}]]", f"Noted {word}", None, {"noted": word})


SCRIPTS = {
    "agent": [plain(1), remembering("b", "zwei"), remembering("c", "drei"), plain(4), plain(5)],
    "team": [delegating(1), remembering("b", "zwei"), delegating(3), remembering("d", "vier"), plain(5)],
    "workflow": [noting("a"), noting("b"), plain(3), noting("d"), plain(5)],
}


@dataclass
class Step:
    """What came of one turn: the requests to the model, and the session as each side sees it then."""

    result: dict[str, Any]
    requests: list[list[dict[str, Any]]]
    ours: dict[str, Any]
    theirs: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A session to play."""

    kind: str
    backend: str
    release: str
    first: str  # "ours" or "agno"

    def __str__(self) -> str:
        return f"{self.kind}-{self.backend}-{self.release}-{self.first}-first"


class Stage:
    """Plays each case once."""

    def __init__(self, sides: dict[str, Side], server: Any, folder: Path, pg_server: PgServer) -> None:
        self.sides, self.server, self.folder, self.pg_server = sides, server, folder, pg_server
        self._urls: dict[tuple[str, str], str] = {}
        self._played: dict[Case, list[Step]] = {}

    def steps(self, case: Case) -> list[Step]:
        """Return what came of the case's turns."""
        if case not in self._played:
            self._played[case] = self._play(case)
        return self._played[case]

    def _play(self, case: Case) -> list[Step]:
        job = self.job(case)
        turns = [OURS, case.release] if case.first == OURS else [case.release, OURS]
        steps = []
        for number, line in enumerate(SCRIPTS[case.kind], 1):
            side, seen = self.sides[turns[(number - 1) % 2]], len(self.server.brain.log)
            result = side.do({**job, "do": "run", "message": line.question, "options": self.options(case, number)})
            requests = [entry["body"]["messages"] for entry in self.server.brain.log[seen:]]
            if number == NAMED_AFTER:
                side.do({**job, "do": "name", "name": NAME})
            views = [self.sides[name].do({**job, "do": "view"}) for name in (OURS, case.release)]
            steps.append(Step(result, requests, *views))
        return steps

    def options(self, case: Case, number: int) -> dict[str, Any]:
        """Return the options of the component in one turn."""
        options: dict[str, Any] = {"session_state": {"begun": "with this"}}
        if case.kind != "workflow" and number == SUMMED_UP_AFTER:
            summary = json.dumps(dict(zip(("summary", "topics"), SUMMARY, strict=True)))
            usage = {"prompt_tokens": 5, "completion_tokens": 2}
            reply = {"match": "conversation", "content": summary, "usage": usage}
            self.server.brain.enqueue(str(case), [reply])
            options |= {"enable_session_summaries": True, "add_session_summary_to_context": False}
        if case.kind != "workflow" and number == SUMMED_UP_AFTER + 1:
            options["add_session_summary_to_context"] = True
        return options

    def job(self, case: Case) -> dict[str, Any]:
        """Return what all jobs of a case have in common."""
        job = {"url": self.url(case.backend, case.release), "schema": "ai", "key": str(case), "kind": case.kind}
        job |= {"model_url": self.server.url, "component_id": f"the-{case.kind}"}
        return job | {"session_id": f"{case} ✓", "user_id": "alice@example.com"}

    def url(self, backend: str, release: str) -> str:
        """Return the database that a release and we share. Agno 2 makes its tables itself: we only make Agno 3's."""
        key = backend, release
        if key not in self._urls:
            sqlite = f"sqlite:///{self.folder}/{release}.db"
            self._urls[key] = sqlite if backend == "sqlite" else self.pg_server.database()
            if release == OLD:
                before = self.job(Case("agent", backend, release, "nobody"))
                self.sides[OLD].do({**before, "do": "run", "message": "Make your tables"})
        return self._urls[key]


@pytest.fixture(scope="module")
def stage(
    sides: dict[str, Side], model_server: Any, tmp_path_factory: pytest.TempPathFactory, pg_server: PgServer
) -> Stage:
    return Stage(sides, model_server, tmp_path_factory.mktemp("alternating"), pg_server)


CASES = [
    Case(kind, backend, release, first)
    for kind in KINDS
    for backend in BACKENDS
    for release in (OLD, NEW)
    for first in (OURS, "agno")
]
CHATS = [case for case in CASES if case.kind != "workflow"]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_sides_agree_after_every_turn(stage: Stage, case: Case) -> None:
    for step in stage.steps(case):
        assert step.result["status"] == "COMPLETED"
        assert step.ours == step.theirs
        assert step.ours["run_ids"][-1] == step.result["run_id"]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_turns_are_there_in_order_with_their_state_name_and_summary(stage: Stage, case: Case) -> None:
    state = {"begun": "with this"}
    ids: list[str] = []
    said: list[Any] = []
    for number, (line, step) in enumerate(zip(SCRIPTS[case.kind], stage.steps(case), strict=True), 1):
        state |= line.state
        seen = step.ours
        assert seen["run_ids"][: len(ids)] == ids
        assert told_by(step)[: len(said)] == said
        ids, said = seen["run_ids"], told_by(step)
        top = [at for at, parent in enumerate(seen["parents"]) if parent is None]
        assert [seen["contents"][at] for at in top] == [line.content for line in SCRIPTS[case.kind][:number]]
        assert set(seen["statuses"]) == {"COMPLETED"}
        assert seen["state"] == state
        assert seen["name"] == (NAME if number >= NAMED_AFTER else None)
        has_summary = case.kind != "workflow" and number >= SUMMED_UP_AFTER
        assert seen["summary"] == (SUMMARY if has_summary else None)


@pytest.mark.parametrize("case", CHATS, ids=str)
def test_the_model_is_sent_exactly_the_last_three_turns(stage: Stage, case: Case) -> None:
    script = SCRIPTS[case.kind]
    for number, step in enumerate(stage.steps(case)):
        history = [message for line in script[max(0, number - 3) : number] for message in line.messages]
        sent = [request for request in step.requests if told(request)[-1][0] in ("user", "tool")]
        assert told(sent[0]) == [*history, script[number].messages[0]]
        if script[number].call:
            assert [*history, *script[number].messages[:-1]] in [told(request) for request in sent]
        in_order = zip(step.requests[0], step.requests[0][1:], strict=False)
        assert all(
            after["tool_call_id"] == before["tool_calls"][0]["id"]
            for before, after in in_order
            if after["role"] == "tool"
        )


@pytest.mark.parametrize("case", CHATS, ids=str)
def test_the_summary_of_one_side_reaches_the_model_through_the_other(stage: Stage, case: Case) -> None:
    step = stage.steps(case)[SUMMED_UP_AFTER]
    assert step.requests[0][0]["role"] in ("system", "developer")
    assert SUMMARY[0] in step.requests[0][0]["content"]


@pytest.mark.parametrize("case", [case for case in CASES if case.kind == "workflow"], ids=str)
def test_a_workflows_past_is_put_before_the_question(stage: Stage, case: Case) -> None:
    script = SCRIPTS["workflow"]
    for number, step in enumerate(stage.steps(case)):
        [request] = step.requests
        said = request[-1]["content"]
        told_before = [text for line in script[max(0, number - 3) : number] for text in (line.question, line.answer)]
        places = [said.index(text) for text in [*told_before, script[number].question]]
        assert places == sorted(places)
        assert all(line.answer not in said for line in script[: max(0, number - 3)])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_totals_grow_by_what_each_turn_spent(stage: Stage, case: Case) -> None:
    total = 0
    for number, (line, step) in enumerate(zip(SCRIPTS[case.kind], stage.steps(case), strict=True), 1):
        total += line.tokens + (7 if number == SUMMED_UP_AFTER and case.kind != "workflow" else 0)
        assert step.ours["metrics"]["total_tokens"] == total


@pytest.mark.parametrize("case", [case for case in CASES if case.first == OURS], ids=str)
def test_who_begins_makes_no_difference(stage: Stage, case: Case) -> None:
    """The same turn was ours in one session and Agno's in the other."""
    other = Case(case.kind, case.backend, case.release, "agno")
    for one, two in zip(stage.steps(case), stage.steps(other), strict=True):
        for key in ("statuses", "contents", "state", "name", "summary", "metrics"):
            assert one.ours[key] == two.ours[key]
        assert [message[1:3] for message in told_by(one)] == [message[1:3] for message in told_by(two)]


def told_by(step: Step) -> list[Any]:
    """Return the session's messages but the instructions."""
    return [message for message in step.ours["messages"] if message[1] != "system"]
