"""All that a model server may do wrong, at every stage of an answer: the turn ends, and what had come is kept."""

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from agentos.agent import Agent
from agentos.db.sources import Source
from agentos.db.writer import check_writable
from agentos.llm import OpenAIChat, openai_base
from agentos.turns.log import answer_so_far, events_after
from agentos.turns.models import Turn
from agentos.turns.runner import run_turn
from agentos.turns.states import Status
from tests.integration.turns.conftest import AGENT, Ask, runs_of

Part = bytes | float | None
SAID = "half of it "
ALARM, E_ACUTE = "\N{ALARM CLOCK}", "\N{LATIN SMALL LETTER E WITH ACUTE}"


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """Return one event of a streamed answer."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "fake-large", "choices": [choice]}
    half = any("\ud800" <= char <= "\udfff" for char in str(delta.get("content")))  # only JSON can name it
    return f"data: {json.dumps(chunk, ensure_ascii=half)}\n\n".encode()


def text(content: str) -> bytes:
    return event({"content": content})


def halves(sent: bytes, character: str) -> tuple[bytes, float, bytes]:
    """Cut what is sent within a character, with a pause there."""
    at = sent.index(character.encode()) + 1
    return sent[:at], 0.1, sent[at:]


END = event({}, "stop") + b"data: [DONE]\n\n"

# What the server sends in the place of the rest of an answer, and words of what people are told.
FAULTS: dict[str, tuple[Callable[[], Iterator[Part] | list[Part]], str]] = {
    "cut": (lambda: [None], "broke"),
    "cut within an event": (lambda: [text("lost")[:60], None], "broke"),
    "cut within a character": (lambda: [halves(text(E_ACUTE), E_ACUTE)[0], None], "broke"),
    "ends without an end": (list, "answer"),
    "garbage": (lambda: [b"data: {no json\n\n", END], "no answer"),
    "a page": (lambda: [b"<html>502</html>"], "answer"),
    "half a character": (lambda: [text("cafe").replace(b"cafe", b"caf\xc3"), END], "no answer"),
    "an error": (lambda: [b'data: {"error": {"message": "out of memory"}}\n\n'], "out of memory"),
    "silence": (lambda: [5.0], "silent for 0.4 s"),
    "signs of life without end": (lambda: itertools.cycle([b": ping\n\n", 0.05]), "stopped after"),
    "words without end": (lambda: itertools.cycle([text("x" * 65_000)]), "stopped at 4 MB"),
    "an event of 10 MB": (lambda: [text("y" * 10_000_000), END], "stopped at 4 MB"),
    "another shape": (lambda: [b'data: ["choices"]\n\n', b"data: 7\n\n", b'data: {"choices": 1}\n\n'], "answer"),
}


def look_up() -> str:
    """Look something up."""
    return "found"


def carry_out(turn: Turn) -> Turn:
    run_turn(turn.pk)
    turn.refresh_from_db()
    return turn


@pytest.mark.parametrize("stage", ["asked", "streaming", "after a tool"])
@pytest.mark.parametrize("fault", FAULTS)
def test_the_turn_ends_and_what_had_come_is_kept(
    source: Source,
    ask: Ask,
    fake_model: Any,
    register: Any,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    fault: str,
) -> None:
    if fault == "silence":
        settings.AGENTOS_MODEL_TIMEOUT = 0.4
    if fault == "signs of life without end":
        monkeypatch.setattr(openai_base, "MAX_SECONDS", 0.5)
    make, words = FAULTS[fault]
    before = len(runs_of(source, AGENT))
    tools = [look_up] if stage == "after a tool" else []
    if tools:
        register(Agent(id="trip-planner", model=OpenAIChat(id="fake-large"), tools=tools))
        fake_model.brain.enqueue("*", {"tool_calls": [{"name": "look_up"}]})
    said = [text(SAID)] if stage == "streaming" else []
    fake_model.brain.enqueue("*", {"wire": itertools.chain(said, make())})
    turn = carry_out(ask("a question", AGENT))
    assert turn.status == Status.FAILED
    assert words in turn.problem
    [run] = runs_of(source, AGENT)[before:]
    check_writable(run)
    assert (run.run_id, run.status, run.content) == (turn.run_id, "ERROR", turn.problem)
    assert answer_so_far(turn).startswith(SAID if said else "")
    own = [message for message in run.messages if not message.from_history]
    assert "".join(message.text for message in own if message.role == "assistant") == answer_so_far(turn)
    assert [message.text for message in own if message.role == "tool"] == ["found"] * len(tools)
    assert [event.kind for event in events_after(turn.pk, 0)].count("done") == 1
    assert carry_out(ask("[[say better]]")).status == Status.COMPLETED


@pytest.mark.parametrize(
    ("wire", "whole"),
    [
        ([*halves(text(E_ACUTE), E_ACUTE)], E_ACUTE),
        ([event({"content": "\ud83d"}), 0.2, event({"content": "\ude00!"})], "\N{GRINNING FACE}!"),
        ([*halves(text(ALARM), ALARM)], ALARM),
    ],
)
def test_a_character_in_two_pieces_is_one(
    source: Source, ask: Ask, fake_model: Any, wire: list[Any], whole: str
) -> None:
    fake_model.brain.enqueue("*", {"wire": [*wire, END]})
    turn = carry_out(ask("a question"))
    assert (turn.status, answer_so_far(turn), runs_of(source, AGENT)[-1].content) == (Status.COMPLETED, whole, whole)


def test_nobody_listens_where_the_model_should_be(source: Source, ask: Ask, settings: Settings) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "k", "http://127.0.0.1:9/v1"
    turn = carry_out(ask("a question"))
    assert (turn.status, runs_of(source, AGENT)[-1].status) == (Status.FAILED, "ERROR")
    assert "cannot be reached" in turn.problem
