"""Approvals on record follow decisions made here, and those made elsewhere win."""

import json
import sqlite3
from typing import Any

import pytest

from agentos.access.rules import NotAllowed
from agentos.agents.agent import Agent
from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.llm import OpenAIChat
from agentos.tools import tool
from agentos.turns.deciding import MetMeanwhile, paused_runs
from agentos.turns.errors import BadRequest
from agentos.turns.states import Status
from agentos.turns.waiting import GO_ON
from tests.conftest import Person
from tests.integration.turns.conftest import runs_of
from tests.integration.turns.deciding import (
    Register,
    agent,
    approval,
    carry_out,
    decided,
    done,
    reply,
    rewrite,
    row_of,
    run_now,
    wait,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    done.clear()


EVERYWHERE = pytest.mark.parametrize(
    "source", ["agno-v2.db", "agno-v3.db", "agno-v2.pg.sql.gz", "agno-v3.pg.sql.gz"], indirect=True
)


@EVERYWHERE
@pytest.mark.parametrize(("choice", "status"), [("confirm", "approved"), ("reject", "rejected")])
def test_an_approval_follows_the_decision(
    source: Source, register: Register, teammate: Person, fake_model: Any, choice: str, status: str
) -> None:
    register(agent("treasurer"))
    waiting = wait(source, "approval-pending")
    assert waiting.needs_approval
    turn = carry_out(decided(source, "approval-pending", [reply(waiting, choice, text="fare rule 7.2")], teammate))
    assert turn.status == Status.COMPLETED, turn.problem
    row = approval(source)
    assert (row["status"], row["resolved_by"], row["run_status"]) == (status, "teammate", "COMPLETED")
    assert row["resolved_at"] == row["updated_at"] or row["updated_at"] >= row["resolved_at"]
    assert json.loads(row["resolution_data"]) == {"note": "fare rule 7.2"}
    assert len(done) == (choice == "confirm")


@EVERYWHERE
def test_who_decided_elsewhere_wins_and_is_shown(
    source: Source, register: Register, teammate: Person, fake_model: Any
) -> None:
    register(agent("treasurer"))
    waiting = wait(source, "approval-pending")
    turn = decided(source, "approval-pending", [reply(waiting, "confirm")], teammate)
    approval(source, status="rejected", resolved_by="boss@example.com", resolved_at=1_780_000_000)
    carry_out(turn)
    assert (turn.status, done) == (Status.FAILED, [])
    assert "boss@example.com rejected this at 28 May 2026" in turn.problem
    waiting = wait(source, "approval-pending")
    assert waiting.asks[0].is_settled
    with pytest.raises(MetMeanwhile, match=r"boss@example.com rejected"):
        decided(source, "approval-pending", [reply(waiting, "confirm")], teammate)
    turn = carry_out(decided(source, "approval-pending", [reply(waiting, GO_ON)], teammate))
    assert (turn.status, done) == (Status.COMPLETED, []), turn.problem
    assert run_now(source, "approval-pending", turn.run_id).tools[0].confirmed is False
    assert approval(source)["resolved_by"] == "boss@example.com"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expires_at": 1_780_000_000}, "was over at 28 May 2026"),
        ({"status": "expired"}, "is expired"),
        ({"status": "cancelled"}, "is cancelled"),
        ({"id": "another"}, "has no record"),
    ],
)
def test_an_approval_that_cannot_be_given_any_more(
    source: Source, register: Register, teammate: Person, changes: dict[str, Any], words: str
) -> None:
    register(agent("treasurer"))
    approval(source, **changes)
    waiting = wait(source, "approval-pending")
    with pytest.raises(BadRequest, match=words):
        decided(source, "approval-pending", [reply(waiting, "confirm")], teammate)


def test_nobody_approves_in_their_own_session(source: Source, register: Register, owner: Person) -> None:
    register(agent("treasurer"))
    waiting = wait(source, "approval-pending")
    with pytest.raises(NotAllowed, match="somebody else"):
        decided(source, "approval-pending", [reply(waiting, "confirm")], owner)


def test_without_a_table_of_approvals_nothing_is_missed(source: Source, teammate: Person, fake_model: Any) -> None:
    with sqlite3.connect(source.path) as connection:
        connection.execute("DROP TABLE agno_approvals")
    connection.close()
    waiting = wait(source, "hitl-confirmation")
    assert carry_out(decided(source, "hitl-confirmation", [reply(waiting, "reject")], teammate)).status == "completed"


def test_somebody_who_goes_on_meanwhile_is_not_written_over(
    source: Source, teammate: Person, register: Register, fake_model: Any
) -> None:
    def slow(reference: str, reason: str = "") -> str:
        """Delete a booking."""
        rewrite(source, "hitl-confirmation", lambda raw: raw.update(status="COMPLETED", content="theirs"))
        return "deleted"

    [run] = [run for run in runs_of(source, "hitl-confirmation") if run.status == "PAUSED"]
    slow_tool = tool(requires_confirmation=True, name="delete_booking")(slow)
    register(Agent(id=run.component_id, model=OpenAIChat(id="fake-large"), tools=[slow_tool]))
    waiting = wait(source, "hitl-confirmation")
    turn = carry_out(decided(source, "hitl-confirmation", [reply(waiting, "confirm")], teammate))
    assert (turn.status, run_now(source, "hitl-confirmation", run.run_id or "").content) == (Status.FAILED, "theirs")
    assert "went on with the run" in turn.problem


def test_reading_costs_what_it_shows(source: Source, teammate: Person) -> None:
    assert paused_runs(row_of(source, "approval-pending"))[0].status == "PAUSED"
    assert paused_runs(row_of(source, "hitl-confirmed")) == []
    assert Reader(source).approvals("approval-pending", ["no such"]) == {}
