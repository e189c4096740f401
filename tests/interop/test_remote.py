"""Real AgentOS servers, of both releases, answer turns in their own sessions; our view is held against their API."""

import json
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from agentos.catalog.keys import quote_id
from agentos.catalog.sync import refresh_session
from agentos.db.connections import close_connections
from agentos.db.reader import Reader
from agentos.db.sources import Source, use_sources
from agentos.records import Run
from agentos.records.replies import Reply
from agentos.remotes import discovery
from agentos.remotes.models import RemoteState
from agentos.turns.deciding import decide, waiting_of
from agentos.turns.log import answer_so_far, interrupt, request_cancel
from agentos.turns.models import Turn, TurnEvent
from agentos.turns.service import retry, submit
from agentos.turns.states import Status
from tests.conftest import Person, PgServer
from tests.interop.conftest import NEW, OLD, interpreter

pytestmark = pytest.mark.django_db(transaction=True)

PROGRAM = Path(__file__).parent / "served.py"
USER = "alice"
WEATHER = '[[tool get_weather {"city": "Oslo"}]] [[say It rains.]]'
PLACES = [(release, vendor) for release in (NEW, OLD) for vendor in ("sqlite", "postgresql")]


class Server:
    """An AgentOS in a process of its own, over a database of its own."""

    def __init__(self, release: str, database: str, model_url: str, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.release, self.database, self.url = release, database, f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{self.port}.log"
        command = [str(interpreter(release)), str(PROGRAM), database, model_url, str(self.port)]
        env = {"AGNO_TELEMETRY": "false", "PYTHONWARNINGS": "ignore", "HOME": str(folder)}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log)
        self.client = httpx2.Client(base_url=self.url, timeout=20)

    def ready(self) -> "Server":
        """Wait until it answers."""
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            with suppress(httpx2.HTTPError):
                if self.client.get("/health").is_success:
                    return self
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def begin(self, kind: str, component_id: str) -> str:
        """Begin a session through its own API, and return its id."""
        session_id = f"{component_id}-{uuid.uuid4().hex[:6]}"
        form = {"message": "[[say Hello.]]", "stream": "false", "session_id": session_id, "user_id": USER}
        response = self.client.post(f"/{kind}s/{component_id}/runs", data=form)
        assert response.is_success, response.text
        return session_id

    def runs(self, kind: str, session_id: str) -> list[dict[str, Any]]:
        """What its own API says of a session's runs; a team's members are not among them."""
        response = self.client.get(f"/sessions/{session_id}/runs", params={"type": kind, "user_id": USER})
        assert response.is_success, response.text
        return [run for run in response.json() if not run.get("parent_run_id")]

    def end(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module", params=PLACES, ids=lambda place: "-".join(place))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pg_server: PgServer, model_server: Any
) -> Iterator[Server]:
    release, vendor = request.param
    folder = tmp_path_factory.mktemp("os")
    database = f"sqlite:///{folder / 'agno.db'}" if vendor == "sqlite" else pg_server.database()
    started = Server(release, database, model_server.url, folder)
    yield started.ready()
    started.end()


@pytest.fixture
def source(server: Server, settings: Any) -> Iterator[Source]:
    """The server's database as the source `lab`, the server as the remote `far`."""
    settings.AGENTOS_REMOTES = f"far={server.url}"
    settings.AGENTOS_REMOTE_TIMEOUT = 20.0
    with use_sources(f"lab={server.database}") as sources:
        yield sources[0]
        close_connections()


Say = Callable[..., Turn]


@pytest.fixture
def say(source: Source) -> Say:
    """Submit a message and return the turn once it is over, or with `until="…"` once that has been said."""

    def said(session_id: str, message: str, until: str = "", **options: Any) -> Turn:
        turn = submit("lab", session_id, message, user=None, idempotency_key=uuid.uuid4().hex, **options)
        return finished(turn, until)

    return said


def finished(turn: Turn, until: str = "") -> Turn:
    """Wait for the end of a turn, which the pool carries out, or until it has said something."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        turn.refresh_from_db()
        if not turn.is_active or (until and until in answer_so_far(turn)):
            break
        time.sleep(0.05)
    return turn


def ours(source: Source, session_id: str) -> list[Run]:
    """The session's own runs as the source has them, and our pages show them."""
    runs = Reader(source).all_runs(session_id)
    return [run for run in runs if isinstance(run, Run) and run.parent_run_id is None]


def steps(turn: Turn) -> list[tuple[str, str, str]]:
    payloads = TurnEvent.objects.filter(turn=turn, kind="step").order_by("seq").values_list("payload", flat=True)
    return [(one["kind"], one["name"], one["state"]) for one in payloads]


def check_same(server: Server, source: Source, kind: str, session_id: str) -> None:
    """Hold our view of a session against Agno's API."""
    theirs = server.runs(kind, session_id)
    mine = ours(source, session_id)
    # Where nothing was said, the API says "".
    assert [(run.run_id, run.status, run.content or "") for run in mine] == [
        (run["run_id"], run["status"], run["content"] or "") for run in theirs
    ]


def check_page(person: Person, session_id: str, said: list[str]) -> None:
    """Hold the session's page, opened and opened again, against what was said."""
    url = f"/sessions/lab/{quote_id(session_id)}/"
    for _ in range(2):
        page = person.client.get(url).content.decode()
        assert all(text in page for text in said)
    assert person.client.get(f"{url}?format=json").json()["session"]["run_count"] >= 1


def test_what_it_serves_is_found_out(server: Server, source: Source) -> None:
    discovery.look_if_due()
    state = RemoteState.objects.get(name="far")
    assert (state.problem, state.version, state.os_id) == ("", server.release, "lab-os")
    assert {(one["kind"], one["id"], one["name"]) for one in state.serves} == {
        ("agent", "support", "Support"), ("team", "crew", "Crew"),
        ("workflow", "flow", "Flow"), ("workflow", "gate", "Gate"),
    }  # fmt: skip


def test_an_agent_answers_with_its_tools_and_remembers(
    server: Server, source: Source, say: Say, model_server: Any, admin: Person
) -> None:
    session_id = server.begin("agent", "support")
    turn = say(session_id, WEATHER)
    assert (turn.status, turn.problem, turn.answering) == (Status.COMPLETED, "", "Support, on far")
    assert steps(turn) == [("tool", "get_weather", "running"), ("tool", "get_weather", "ok")]
    assert answer_so_far(turn) == "It rains.\n\nIt rains."
    assert say(session_id, "[[say As I said.]]").status == Status.COMPLETED
    runs = ours(source, session_id)
    assert [run.content for run in runs] == ["Hello.", "It rains.It rains.", "As I said."]
    assert runs[1].run_id == turn.run_id == str(turn.pk)
    assert runs[1].metadata == {"agentos_sessions": {"continued_by": "command line"}}
    assert {run.user_id for run in runs} == {USER}
    told = [message["content"] for message in model_server.brain.log[-1]["body"]["messages"]]
    assert "Hello." in told and "It rains." in told
    check_same(server, source, "agent", session_id)
    check_page(admin, session_id, ["Hello.", "It rains.", "As I said.", "Rain in Oslo."])


def test_a_team_and_a_workflow_tell_what_their_members_and_steps_do(
    server: Server, source: Source, say: Say, admin: Person
) -> None:
    team = server.begin("team", "crew")
    task = json.dumps({"member_id": "helper", "task": "[[say From the helper.]]"})
    turn = say(team, f"[[tool delegate_task_to_member {task}]] [[say Crew is done.]]")
    assert (turn.status, turn.problem) == (Status.COMPLETED, "")
    assert answer_so_far(turn) == "Crew is done.\n\nCrew is done."
    assert ("agent", "Helper", "ok") in steps(turn)
    check_same(server, source, "team", team)
    check_page(admin, team, ["Crew is done.", "From the helper."])
    flow = server.begin("workflow", "flow")
    turn = say(flow, "[[say From the step.]]")
    assert (turn.status, answer_so_far(turn)) == (Status.COMPLETED, "From the step."), turn.problem
    assert ("step", "work", "ok") in steps(turn) and ("agent", "Worker", "ok") in steps(turn)
    check_same(server, source, "workflow", flow)
    check_page(admin, flow, ["From the step."])


@pytest.mark.parametrize(
    ("kind", "component_id", "message", "result"),
    [
        ("agent", "support", '[[tool delete_booking {"reference": "WF-9"}]]', "Deleted WF-9"),
        ("workflow", "gate", "[[say Gone through.]]", "Gone through."),
    ],
)
def test_a_run_that_pauses_is_decided_on_and_goes_on_there(
    server: Server, source: Source, say: Say, admin: Person, kind: str, component_id: str, message: str, result: str
) -> None:
    session_id = server.begin(kind, component_id)
    turn = say(session_id, message)
    assert turn.status == Status.WAITING, turn.problem
    row = refresh_session(source, session_id)
    assert row is not None
    waiting = waiting_of(row, turn.run_id)
    assert waiting is not None
    replies = [Reply(one.question.key, one.question.mark, "confirm") for one in waiting.asks]
    decided = finished(decide(row, waiting, replies, user=admin.user, idempotency_key=uuid.uuid4().hex))
    assert (decided.status, decided.problem) == (Status.COMPLETED, "")
    assert (decided.run_id, decided.answering.endswith("on far")) == (turn.run_id, True)
    last = ours(source, session_id)[-1]
    assert (last.run_id, last.status) == (turn.run_id, "COMPLETED")
    assert result in str(last.content)
    check_same(server, source, kind, session_id)


def test_a_turn_is_stopped(server: Server, source: Source, say: Say) -> None:
    for kind, component_id in (("agent", "support"), ("team", "crew"), ("workflow", "flow")):
        session_id = server.begin(kind, component_id)
        turn = say(session_id, f"[[slow 0.2]][[say {'on and ' * 60}]]", until="and")
        request_cancel(turn)
        turn = finished(turn)
        assert (turn.status, turn.problem) == (Status.CANCELLED, ""), kind
        assert "on and" in answer_so_far(turn) and "was cancelled" not in answer_so_far(turn)
        assert ours(source, session_id)[-1].status == "CANCELLED"
        check_same(server, source, kind, session_id)


def test_a_run_that_fails_says_so(server: Server, source: Source, say: Say) -> None:
    session_id = server.begin("agent", "support")
    turn = say(session_id, "[[error 400 no such thing]]")
    assert (turn.status, turn.problem) == (Status.FAILED, "no such thing")
    check_same(server, source, "agent", session_id)


def test_files_reach_the_agent(server: Server, source: Source, say: Say, model_server: Any) -> None:
    session_id = server.begin("agent", "support")
    picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    image = {"id": "i", "content": picture, "mime_type": "image/png", "format": "png"}
    turn = say(session_id, "[[say Seen.]]", attachments={"images": [image]})
    assert (turn.status, turn.problem) == (Status.COMPLETED, "")
    last = ours(source, session_id)[-1]
    assert [medium.kind for medium in last.input_media] == ["image"]


class Cutter:
    """Passes bytes between us and a server, and cuts each of the first lines that stream after so many bytes."""

    def __init__(self, port: int, cuts: list[int]) -> None:
        self.cuts, self.port = cuts, port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self._pass, args=(near,), daemon=True).start()

    def _pass(self, near: socket.socket) -> None:
        """Pass everything on, both ways, until one side is through or the line is cut.

        A server that has ended, as after a test, is no fault of whoever still asks for it.
        """
        with near, suppress(OSError), socket.create_connection(("127.0.0.1", self.port)) as far:
            forward = threading.Thread(target=self._forward, args=(near, far), daemon=True)
            forward.start()
            with suppress(OSError):
                self._back(far, near)
            for side in (near, far):
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
            forward.join()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)

    def _back(self, far: socket.socket, near: socket.socket) -> None:
        left: int | None = None
        while data := far.recv(1024):
            if left is None and b"text/event-stream" in data and self.cuts:
                left = self.cuts.pop(0)
            if left is not None and len(data) >= left:
                near.sendall(data[:left])
                return
            left = left if left is None else left - len(data)
            near.sendall(data)


@pytest.mark.parametrize(("kind", "component_id"), [("agent", "support"), ("team", "crew"), ("workflow", "flow")])
def test_a_run_that_outlives_our_worker_is_gone_on_with(
    server: Server, source: Source, say: Say, model_server: Any, kind: str, component_id: str
) -> None:
    session_id = server.begin(kind, component_id)
    words, asked = " ".join(f"word{number}" for number in range(40)), len(model_server.brain.log)
    turn = say(session_id, f"[[slow 0.1]][[say {words}]]", until="word3")
    assert interrupt(turn.pk)
    turn.refresh_from_db()
    again = finished(retry(turn, None))
    assert (again.status, again.problem, again.run_id) == (Status.COMPLETED, "", str(turn.pk))
    assert answer_so_far(again) == words
    assert len(model_server.brain.log) == asked + 1
    check_same(server, source, kind, session_id)


@pytest.mark.parametrize(("kind", "component_id"), [("agent", "support"), ("team", "crew"), ("workflow", "flow")])
def test_lines_that_drop_lose_and_repeat_nothing(
    server: Server, source: Source, say: Say, settings: Any, kind: str, component_id: str
) -> None:
    session_id = server.begin(kind, component_id)
    cutter = Cutter(server.port, [900, 1_700, 300, 2_500])
    settings.AGENTOS_REMOTES = f"far={cutter.url}"
    words = " ".join(f"word{number}" for number in range(40))
    turn = say(session_id, f"[[slow 0.1]][[say {words}]]")
    assert (turn.status, turn.problem) == (Status.COMPLETED, "")
    assert answer_so_far(turn) == words
    assert cutter.cuts == []
    assert any(kind == "note" for kind, _, _ in steps(turn))
    check_same(server, source, kind, session_id)
    cutter.listener.close()


def test_a_server_that_dies_fails_the_turn_and_keeps_the_text(
    server: Server, source: Source, say: Say, settings: Any, model_server: Any, tmp_path: Path
) -> None:
    session_id = server.begin("agent", "support")
    other = Server(server.release, server.database, model_server.url, tmp_path).ready()
    settings.AGENTOS_REMOTES, settings.AGENTOS_REMOTE_TIMEOUT = f"far={other.url}", 3.0
    turn = say(session_id, f"[[slow 0.2]][[say {'on and ' * 60}]]", until="and")
    other.end()
    turn = finished(turn)
    assert turn.status == Status.FAILED
    assert "on and" in answer_so_far(turn)
    assert "has not been heard of for 3 s" in turn.problem
    after = say(session_id, "[[say Back?]]")
    assert (after.status, after.problem) == (Status.FAILED, "The server far cannot be reached. See that it runs.")
