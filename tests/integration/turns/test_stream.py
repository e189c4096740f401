"""The stream of a turn through the ASGI application, as a browser gets it."""

import asyncio
import gc
import itertools
import time
import uuid
import warnings
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.db import connection
from django.utils import timezone

from agentos.access import people
from agentos.access.models import ApiToken, Grant
from agentos.catalog.models import CatalogSession
from agentos.db.sources import Source
from agentos.moderation import measures
from agentos.moderation.acting import Actor
from agentos.moderation.models import Standing
from agentos.turns.log import beat, claim, finish
from agentos.turns.models import Turn, TurnEvent, session_key
from agentos.turns.service import submit
from agentos.turns.states import Status
from sessions_ui.streaming import sse, stream
from tests.conftest import Person
from tests.integration.turns.conftest import AGENT

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


def in_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` in an event loop of a thread of its own: Playwright keeps one in the main thread of its process."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@dataclass(frozen=True)
class Got:
    id: int
    event: str
    data: str


class Browser:
    """One EventSource: connects, and reads message by message."""

    def __init__(
        self, person: Person | None, turn_id: uuid.UUID, query: str = "", last: str = "", token: str = ""
    ) -> None:
        headers = [(b"host", b"127.0.0.1"), (b"accept", b"text/event-stream")]
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        elif person:
            headers.append((b"cookie", f"sessionid={person.client.cookies['sessionid'].value}".encode()))
        if last:
            headers.append((b"last-event-id", last.encode()))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": f"/turns/{turn_id}/events/",
            "query_string": query.encode(),
            "headers": headers,
            "server": ("127.0.0.1", 80),
        }
        # asgiref has no types for it.
        self._app: Any = ApplicationCommunicator(get_asgi_application(), scope)  # type: ignore[no-untyped-call]  # asgiref has no types for it
        self.status = 0
        self.headers: dict[str, str] = {}

    async def open(self) -> "Browser":
        await self._app.send_input({"type": "http.request", "body": b""})
        start = await self._app.receive_output(10)
        self.status = start["status"]
        self.headers = {key.decode().lower(): value.decode() for key, value in start["headers"]}
        return self

    async def messages(self, seconds: float = 15) -> AsyncIterator[Got]:
        """Yield messages until the server ends the stream."""
        pending = b""
        while True:
            part = await self._app.receive_output(seconds)
            pending += part.get("body", b"")
            while b"\n\n" in pending:
                block, _, pending = pending.partition(b"\n\n")
                if not block.startswith(b":"):
                    yield parse(block.decode())
            if not part.get("more_body"):
                assert pending == b""
                await self._app.wait(5)
                return

    async def rest(self) -> None:
        """Read an answer that is no stream to its end."""
        while (await self._app.receive_output(5)).get("more_body"):
            pass
        await self._app.wait(5)

    async def leave(self) -> None:
        await self._app.send_input({"type": "http.disconnect"})
        await self._app.wait(5)


def parse(block: str) -> Got:
    fields: dict[str, list[str]] = {}
    for line in block.split("\n"):
        name, _, value = line.partition(": ")
        fields.setdefault(name, []).append(value)
    return Got(int(fields["id"][0]), fields["event"][0], "\n".join(fields["data"]))


def read_all(person: Person | None, turn: Turn, **options: str) -> list[Got]:
    async def read() -> list[Got]:
        browser = await Browser(person, turn.pk, **options).open()
        assert browser.status == 200
        return [message async for message in browser.messages()]

    return in_a_loop(read())


def say(message: str) -> Turn:
    return submit("lab", AGENT, message, user=None, idempotency_key=uuid.uuid4().hex)


def running() -> Turn:
    """A turn that some runner has in hand."""
    key = session_key("lab", AGENT)
    turn = Turn.objects.create(
        source="lab", session_id=AGENT, session_key=key, actor="x", message="m", idempotency_key="k"
    )
    claimed = claim(turn.pk)
    assert claimed is not None
    return claimed


@pytest.fixture(autouse=True)
def quiet_leaving() -> Iterator[None]:
    """Django leaves the empty body of a request whose client has left to the garbage collector."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(autouse=True)
def indexed(source: Source) -> None:
    from agentos.catalog.sync import refresh_session

    assert refresh_session(source, AGENT) is not None


def content(turn: Turn, *texts: str) -> None:
    for text in texts:
        beat(turn.pk, [(TurnEvent.Kind.CONTENT, {"text": text})])


def test_words_arrive_while_they_are_made(source: Source, fake_model: Any, teammate: Person) -> None:
    turn = say("[[slow 0.15]] [[say one two three four five six]]")
    got = read_all(teammate, turn)
    answers = [message.data for message in got if message.event == "answer"]
    assert len(answers) >= 3
    assert all(len(earlier) < len(later) for earlier, later in itertools.pairwise(answers))
    assert "one two three four five six" in answers[-1]
    assert got[-1].event == "done"
    assert [message.event for message in got].count("done") == 1
    assert [message.id for message in got] == sorted(message.id for message in got)


def test_headers_keep_proxies_from_holding_it_back(source: Source, fake_model: Any, teammate: Person) -> None:
    turn = say("[[say ok]]")

    async def headers() -> dict[str, str]:
        browser = await Browser(teammate, turn.pk).open()
        [_ async for _ in browser.messages()]
        return browser.headers

    found = in_a_loop(headers())
    assert found["content-type"].startswith("text/event-stream")
    assert found["cache-control"] == "no-cache, no-transform"
    assert found["x-accel-buffering"] == "no"
    assert "content-encoding" not in found


def test_from_any_point_on_the_last_answer_is_the_whole_answer(source: Source, teammate: Person) -> None:
    turn = running()
    content(turn, "one ", "two ", "three")
    finish(turn.pk, Status.COMPLETED, run_id="r")
    turn.refresh_from_db()
    for after in range(turn.last_seq + 2):
        for options in ({"query": f"after={after}"}, {"last": str(after)}):
            got = read_all(teammate, turn, **options)
            assert got[-1].event == "done"
            answers = [message.data for message in got if message.event == "answer"]
            assert "one two three" in answers[-1]


def test_the_header_says_more_than_the_url() -> None:
    assert sse.cursor("7", "3") == 7
    assert sse.cursor(None, "3") == 3
    assert [sse.cursor(bad, None) for bad in ("-1", "x", "", "٣", "9" * 400, "1\r\n2")] == [0, 0, 0, 0, 999999999, 0]


@pytest.mark.parametrize("after", [0, 2, 999])
def test_a_finished_turn_is_read_whole_without_the_thread_that_follows(
    source: Source, teammate: Person, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    turn = running()
    content(turn, "half ", "an answer")
    finish(turn.pk, Status.FAILED, problem="No.")
    monkeypatch.delattr(stream, "feeder")
    got = read_all(teammate, turn, query=f"after={after}")
    assert [message.event for message in got][-2:] == ["answer", "done"]
    assert "half an answer" in got[-2].data
    assert got[-1].data == "failed"


def test_two_browsers_see_the_same(source: Source, fake_model: Any, teammate: Person, owner: Person) -> None:
    turn = say("[[slow 0.1]] [[say one two three four]]")

    async def both() -> list[list[Got]]:
        async def read(person: Person) -> list[Got]:
            browser = await Browser(person, turn.pk).open()
            return [message async for message in browser.messages()]

        return list(await asyncio.gather(read(teammate), read(owner)))

    first, second = in_a_loop(both())
    assert [m.data for m in first if m.event == "answer"][-1] == [m.data for m in second if m.event == "answer"][-1]


def test_leaving_does_not_stop_the_turn(source: Source, fake_model: Any, teammate: Person) -> None:
    turn = say("[[slow 0.1]] [[say one two three four five six]]")

    async def peek() -> None:
        browser = await Browser(teammate, turn.pk).open()
        async for message in browser.messages():
            if message.event == "answer":
                break
        await browser.leave()

    in_a_loop(peek())
    got = read_all(teammate, turn)
    assert "one two three four five six" in [message.data for message in got if message.event == "answer"][-1]
    turn.refresh_from_db()
    assert turn.status == Status.COMPLETED


def test_stored_text_cannot_become_a_message_of_its_own(source: Source, teammate: Person) -> None:
    turn = running()
    content(turn, "a\n\nevent: done\rdata: x\r\n\r\nid: 99\n\n<script>alert(1)</script><b hx-get='/x'>b</b>")
    finish(turn.pk, Status.COMPLETED)
    got = read_all(teammate, turn)
    assert {message.event for message in got} <= {"status", "answer", "done"}
    assert max(message.id for message in got) < 99
    answer = next(message.data for message in got if message.event == "answer")
    assert "<script" not in answer
    assert "<b hx-get" not in answer


def test_silence_is_filled_for_proxies(source: Source, teammate: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "KEEP_ALIVE", 0.2)
    turn = running()

    async def first_part() -> bytes:
        browser = await Browser(teammate, turn.pk).open()
        part = await browser._app.receive_output(5)
        await browser.leave()
        return bytes(part["body"])

    assert in_a_loop(first_part()) == b": keep-alive\n\n"


@pytest.mark.parametrize("how", ["role", "active", "session"])
def test_a_right_taken_away_ends_an_open_stream(
    source: Source, teammate: Person, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(stream, "CHECK", 0.3)
    turn = running()

    def revoke() -> None:
        try:
            if how == "role":
                teammate.user.groups.clear()
            elif how == "active":
                type(teammate.user).objects.update(is_active=False)
            else:
                teammate.client.session.flush()
            content(turn, "secret")
        finally:
            connection.close()

    async def read() -> list[Got]:
        browser = await Browser(teammate, turn.pk).open()
        await asyncio.sleep(0.1)
        await asyncio.to_thread(revoke)
        return [message async for message in browser.messages(5)]

    begun = time.monotonic()
    assert in_a_loop(read())[-1].event == "done"
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize("act", ["role", "scope", "binding", "off", "signed out", "tokens"])
def test_what_a_manager_changes_ends_open_streams(
    source: Source, teammate: Person, admin: Person, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """Also where the new role or scope would still show the session: whoever it is signs in again first."""
    monkeypatch.setattr(stream, "CHECK", 0.3)
    turn, person, manager = running(), teammate.user, people.Manager(admin.user)
    token = ApiToken.objects.all().issue(person) if act == "tokens" else ""

    def change() -> None:
        try:
            if act == "role":
                people.change_role(manager, person, "moderator", "takes over the night shift")
            elif act == "scope":
                people.grant(manager, person, "source", turn.source, "this source alone")
            elif act == "binding":
                people.bind(manager, person, "somebody@example.com", "is a customer")
            elif act == "off":
                people.switch_off(manager, person, "left the company")
            elif act == "signed out":
                people.sign_out(manager, person)
            else:
                people.revoke_tokens(manager, person)
        finally:
            connection.close()

    async def read() -> list[Got]:
        browser = await Browser(teammate, turn.pk, token=token).open()
        assert browser.status == 200
        await asyncio.to_thread(change)
        return [message async for message in browser.messages()]

    assert in_a_loop(read())[-1] == Got(0, "done", "gone")


@pytest.mark.parametrize("how", ["password", "token", "grant", "hold", "hidden", "deleted"])
def test_attack_13_what_is_taken_away_behind_our_back_ends_an_open_stream(
    source: Source, teammate: Person, admin: Person, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Straight in the tables, or over the session: within one look, and not a word that comes behind it."""
    monkeypatch.setattr(stream, "CHECK", 0.3)
    turn, user = running(), teammate.user
    token = ApiToken.objects.all().issue(user) if how == "token" else ""

    def take_away() -> None:
        try:
            if how == "password":
                User.objects.filter(pk=user.pk).update(password=make_password("another"))
            elif how == "token":
                ApiToken.objects.filter(user=user).delete()
            elif how == "grant":
                Grant.objects.create(user=user, kind="user", value="somebody@example.com")
            else:
                row = CatalogSession.objects.one(turn.source, turn.session_id)
                assert row is not None
                standing = {"hold": Standing.HOLD, "hidden": Standing.HIDDEN, "deleted": Standing.DELETED}[how]
                measures.put(row, standing, Actor.of(admin.user), "looked into")
            time.sleep(0.7)
            content(turn, "zqsecret")
        finally:
            connection.close()

    async def read() -> list[Got]:
        browser = await Browser(teammate, turn.pk, token=token).open()
        assert browser.status == 200
        await asyncio.to_thread(take_away)
        return [message async for message in browser.messages()]

    told = in_a_loop(read())
    assert told[-1].event == "done" and "zqsecret" not in str(told)


def test_a_runner_that_died_ends_the_stream(source: Source, teammate: Person) -> None:
    turn = running()
    content(turn, "half")
    Turn.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=20))
    got = read_all(teammate, turn)
    assert got[-1] == Got(got[-1].id, "done", "interrupted")


def test_a_fault_ends_the_stream_in_order(source: Source, teammate: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    turn = running()

    def broken(*_: Any) -> Any:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr("sessions_ui.streaming.live.events_after", broken)
    monkeypatch.setattr(stream, "AFTER_FAULT", 0.1)
    got = read_all(teammate, turn)
    assert [message.event for message in got] == ["problem", "done"]
    assert "fire" not in got[0].data


def test_who_may_follow(source: Source, teammate: Person, stranger: Person, viewer: Person) -> None:
    turn = running()

    async def status(person: Person | None, turn_id: uuid.UUID) -> int:
        browser = await Browser(person, turn_id).open()
        if browser.status == 200:
            await browser.leave()
        else:
            await browser.rest()
        return browser.status

    assert in_a_loop(status(viewer, turn.pk)) == 200
    assert in_a_loop(status(stranger, turn.pk)) == 404
    assert in_a_loop(status(teammate, uuid.uuid4())) == 404
    assert in_a_loop(status(None, turn.pk)) in (302, 401)


def test_no_half_of_a_secret_is_sent(source: Source, fake_model: Any, teammate: Person) -> None:
    """However the model cuts it, no message holds the beginning of a key, and the last one has it masked."""
    turn = say("[[slow 0.02]] [[say the key is sk-proj-abcdEFGH1234567890 as you see]]")
    answers = [message.data for message in read_all(teammate, turn) if message.event == "answer"]
    assert "the key is [masked] as you see" in answers[-1]
    assert not [answer for answer in answers if "sk-" in answer]
