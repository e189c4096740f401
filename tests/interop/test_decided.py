"""What is decided in our pane on a run that real Agno has paused is what the same release of Agno goes on from.

And what our regenerate, and our edit-and-branch, make of a session.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.changes import branching
from agentos.db.connections import close_connections
from agentos.db.reader import Reader
from agentos.db.sources import Source, use_sources
from agentos.records import Run
from agentos.records.replies import Reply
from agentos.turns.deciding import decide, waiting_of
from agentos.turns.models import Turn
from agentos.turns.runner import run_turn
from agentos.turns.states import Status
from tests.conftest import Person, PgServer
from tests.interop.asking import CALLS, asking_agent, asking_workflow, works
from tests.interop.conftest import NEW, OLD, Side
from tests.interop.runs import told

pytestmark = pytest.mark.django_db

AGENT, USER = "the-agent", "alice@example.com"
PLACES = [(release, vendor) for release in (OLD, NEW) for vendor in ("sqlite", "postgresql")]
# Whose agent goes on in this process, which has no Agno 2; None: the one that is rebuilt from the session.
PROGRAMS = [(OLD, "agentos"), (OLD, None), (NEW, "agentos"), (NEW, "agno"), (NEW, None)]
NEEDS_NO_PROGRAM = ("reject", "external", "feedback")
Job = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory, pg_server: PgServer) -> dict[tuple[str, str], str]:
    """A database of each release on each kind of server, still empty."""
    folder = tmp_path_factory.mktemp("decided")
    return {
        (release, vendor): f"sqlite:///{folder}/{release}.db" if vendor == "sqlite" else pg_server.database()
        for release, vendor in PLACES
    }


class Program:
    """The agent's own program, in one session of its own."""

    def __init__(self, side: Side, url: str, model_server: Any) -> None:
        self.side, self.model_server, self.session_id = side, model_server, f"s-{uuid.uuid4().hex[:8]}"
        self.job = {"url": url, "schema": "ai", "key": self.session_id, "model_url": model_server.url, "kind": "agent"}
        self.job |= {"component_id": AGENT, "user_id": USER, "asks": True}

    def do(self, what: str, session_id: str = "", **more: Any) -> dict[str, Any]:
        return self.side.do({**self.job, "session_id": session_id or self.session_id, "do": what, **more})

    def told(self) -> list[list[Any]]:
        """What the model was sent last, but the instructions."""
        return told(self.model_server.brain.log[-1]["body"]["messages"])


@pytest.fixture
def program(request: pytest.FixtureRequest, sides: dict[str, Side], urls: Any, model_server: Any) -> Program:
    release, vendor = request.param
    return Program(sides[release], urls[release, vendor], model_server)


@pytest.fixture
def opened(program: Program, settings: Any) -> Iterator[Callable[[], Source]]:
    """Call it once the program has made its tables: its database is then the source `lab`."""
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "ours", program.model_server.url
    with ExitStack() as stack:
        yield lambda: stack.enter_context(use_sources(f"lab={program.job['url']}"))[0]
        close_connections()


def row_of(source: Source, session_id: str) -> CatalogSession:
    row = refresh_session(source, session_id) or CatalogSession.objects.one(source.name, session_id)
    assert row is not None
    return row


def carried_out(turn: Turn) -> Turn:
    run_turn(turn.pk)
    turn.refresh_from_db()
    assert (turn.status, turn.problem) == (Status.COMPLETED, "")
    return turn


ANSWERS: dict[str, dict[str, Any]] = {
    "confirm": {"choice": "confirm"},
    "reject": {"choice": "reject", "text": "not today"},
    "input": {"choice": "answer", "values": {"to_address": "a@b.example"}},
    "external": {"choice": "answer", "text": "plans.txt"},
    "feedback": {"choice": "answer", "selected": {"Which day?": ["Friday"]}},
}
RESULTS = {
    "confirm": "dropped plans", "reject": "not today", "input": "Plans to a@b.example", "external": "plans.txt",
    "feedback": "Friday",
}  # fmt: skip


@pytest.mark.parametrize("ask", list(CALLS))
@pytest.mark.parametrize(
    ("program", "whose"),
    [((release, vendor), whose) for release, whose in PROGRAMS for vendor in ("sqlite", "postgresql")],
    indirect=["program"],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else str(value or "rebuilt"),
)
def test_agno_goes_on_from_what_was_decided_here(
    program: Program, whose: str | None, ask: str, opened: Any, register: Any, teammate: Person
) -> None:
    if whose is None and ask not in NEEDS_NO_PROGRAM:
        return
    name, arguments = CALLS[ask]
    question = f"Go [[tool {name} {json.dumps(arguments)}]][[say All done.]]"
    paused = program.do("run", message=question)
    assert paused["status"] == "PAUSED"
    source = opened()
    if whose:
        register(asking_agent(whose, AGENT, program.model_server.url, "ours"))

    row = row_of(source, program.session_id)
    waiting = waiting_of(row, paused["run_id"])
    assert waiting is not None
    [one] = waiting.asks
    given = [Reply(one.question.key, one.question.mark, **ANSWERS[ask])]
    turn = carried_out(decide(row, waiting, given, user=teammate.user, idempotency_key=uuid.uuid4().hex))
    assert turn.run_id == paused["run_id"]

    view = program.do("view")
    assert (view["run_ids"], view["statuses"]) == ([turn.run_id], ["COMPLETED"])
    after = program.do("run", message="And now? [[say Nothing.]]")
    assert after["status"] == "COMPLETED"
    asked, called, result, answered, *rest = program.told()
    assert (asked[0], asked[1]) == ("user", question)
    assert [[one[0], json.loads(one[1])] for one in called[2]] == [[name, arguments]]
    assert result[0] == "tool" and RESULTS[ask] in result[1]
    assert answered == ["assistant", "All done.", []]
    assert rest == [["user", "And now? [[say Nothing.]]", []]]
    assert program.do("view")["run_ids"] == [turn.run_id, after["run_id"]]


# What is decided about a workflow that waits, which kind of workflow, and what its run says then.
ON_WORKFLOWS = [
    ("review", {"choice": "confirm"}, "COMPLETED", "After: A draft."),
    ("review", {"choice": "edit", "text": "A better one."}, "COMPLETED", "After: A better one."),
    ("review", {"choice": "reject", "text": "bad"}, "CANCELLED", None),
    ("route", {"choice": "answer", "picked": ("right",)}, "COMPLETED", "After: Right."),
    ("error", {"choice": "retry"}, "COMPLETED", "After: Printed."),
    ("error", {"choice": "skip"}, "COMPLETED", None),
]


@pytest.mark.parametrize(
    ("asks", "decision", "status", "content"),
    ON_WORKFLOWS,
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
@pytest.mark.parametrize(
    ("program", "whose"),
    [((release, vendor), whose) for release, whose in PROGRAMS if whose for vendor in ("sqlite", "postgresql")],
    indirect=["program"],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else str(value),
)
def test_a_workflow_goes_on_as_was_decided_here(
    program: Program, whose: str, asks: str, decision: Any, status: str, content: str | None,
    opened: Any, register: Any, teammate: Person, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    program.job |= {"kind": "workflow", "component_id": f"the-{asks}", "asks": asks}
    paused = program.do("run", message="Go, and break")
    assert paused["status"] == "PAUSED"
    source = opened()
    monkeypatch.setitem(works, "fragile", True)
    register(asking_workflow(whose, f"the-{asks}", asks))

    row = row_of(source, program.session_id)
    waiting = waiting_of(row, paused["run_id"])
    assert waiting is not None
    [one] = waiting.asks
    given = [Reply(one.question.key, one.question.mark, **decision)]
    turn = decide(row, waiting, given, user=teammate.user, idempotency_key=uuid.uuid4().hex)
    run_turn(turn.pk)
    turn.refresh_from_db()
    assert (turn.run_id, turn.problem) == (paused["run_id"], "")
    assert turn.status == (Status.COMPLETED if status == "COMPLETED" else Status.CANCELLED)

    view = program.do("view")
    assert (view["run_ids"], view["statuses"]) == ([turn.run_id], [status])
    assert content is None or view["contents"] == [content]
    after = program.do("run", message="And now?")
    view = program.do("view")
    assert view["run_ids"] == [turn.run_id, after["run_id"]]
    assert content is None or view["contents"][0] == content


@pytest.mark.parametrize("program", PLACES, indirect=True, ids="-".join)
def test_agno_takes_an_answer_made_anew_for_the_only_one(program: Program, opened: Any, teammate: Person) -> None:
    program.do("run", message="First [[say One.]]")
    old = program.do("run", message="Again? [[say Two.]]")
    source = opened()
    row_of(source, program.session_id)
    turn = carried_out(
        branching.regenerate(source, program.session_id, old["run_id"], user=teammate.user, key=uuid.uuid4().hex)
    )
    view = program.do("view")
    assert view["statuses"] == ["COMPLETED", "REGENERATED", "COMPLETED"]
    assert view["run_ids"][1:] == [old["run_id"], turn.run_id]
    new = next(
        run for run in Reader(source).all_runs(program.session_id) if isinstance(run, Run) and run.run_id == turn.run_id
    )
    assert isinstance(new, Run) and new.raw["regenerated_from"] == old["run_id"]
    program.do("run", message="And now? [[say Three.]]")
    asked = [message[1] for message in program.told()]
    again = "Again? [[say Two.]]"
    assert asked == ["First [[say One.]]", "One.", again, "Two.", "And now? [[say Three.]]"]


@pytest.mark.parametrize("program", PLACES, indirect=True, ids="-".join)
def test_agno_goes_on_in_a_branch(program: Program, opened: Any, teammate: Person) -> None:
    program.do("run", message="First [[say One.]]")
    second = program.do("run", message="Second [[say Two.]]")
    program.do("run", message="Third [[say Three.]]")
    source = opened()
    row_of(source, program.session_id)
    found = branching.find(source, program.session_id, second["run_id"])
    assert found is not None
    new_id = str(uuid.uuid4())
    made = branching.branch(
        source, program.session_id, found, "Otherwise [[say Two, otherwise.]]", user=teammate.user, new_id=new_id
    )
    turn = carried_out(made.turn)
    after = program.do("run", session_id=new_id, message="And now? [[say Four.]]")
    assert [message[1] for message in program.told()] == [
        "First [[say One.]]", "One.", "Otherwise [[say Two, otherwise.]]", "Two, otherwise.", "And now? [[say Four.]]",
    ]  # fmt: skip
    assert program.do("view", session_id=new_id)["run_ids"][1:] == [turn.run_id, after["run_id"]]
    assert program.do("view")["contents"] == ["One.", "Two.", "Three."]
