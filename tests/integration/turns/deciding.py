"""What the tests of decisions have in common: an agent's program, and deciding as the pane does."""

import json
import sqlite3
import uuid
from collections.abc import Callable
from typing import Any

from agentos.agents.agent import Agent
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.db.connections import connection_for, table_name
from agentos.db.sources import Source
from agentos.db.writer import Writer
from agentos.llm import OpenAIChat
from agentos.records import Run, Session
from agentos.records.replies import Reply
from agentos.tools import tool
from agentos.turns.deciding import decide, paused_runs, waiting_of
from agentos.turns.models import Turn
from agentos.turns.runner import run_turn
from agentos.turns.waiting import Waiting
from tests.conftest import Person
from tests.integration.turns.conftest import runs_of

Register = Callable[..., None]
# What the tools have done.
done: list[str] = []


@tool(requires_confirmation=True)
def wire_money(iban: str, amount: float) -> str:
    """Send money."""
    done.append(f"{amount} to {iban}")
    return "sent"


@tool(requires_confirmation=True)
def delete_booking(reference: str, reason: str = "") -> str:
    """Delete a booking."""
    done.append(reference)
    return f"deleted {reference}"


@tool(external_execution=True)
def run_shell(command: str) -> str:
    """Run a command."""
    raise AssertionError("It is carried out elsewhere.")


@tool(requires_user_input=True, user_input_fields=["to_address", "priority"])
def send_email(subject: str, body: str, to_address: str, priority: int) -> str:
    """Send a mail."""
    done.append(f"{subject} to {to_address}, {priority}")
    return "mailed"


TOOLS = [wire_money, delete_booking, run_shell, send_email]


def agent(agent_id: str, **options: Any) -> Agent:
    return Agent(id=agent_id, name=agent_id.title(), model=OpenAIChat(id="fake-large"), tools=TOOLS, **options)


def row_of(source: Source, session_id: str) -> CatalogSession:
    row = refresh_session(source, session_id) or CatalogSession.objects.one(source.name, session_id)
    assert row is not None
    return row


def wait(source: Source, session_id: str) -> Waiting:
    row = row_of(source, session_id)
    found = waiting_of(row, paused_runs(row)[-1].run_id or "")
    assert found is not None
    return found


def reply(waiting: Waiting, choice: str, number: int = 0, **given: Any) -> Reply:
    question = waiting.asks[number].question
    return Reply(question.key, question.mark, choice, **given)


def decided(
    source: Source, session_id: str, replies: list[Reply], person: Person, waiting: Waiting | None = None
) -> Turn:
    row, waiting = row_of(source, session_id), waiting or wait(source, session_id)
    return decide(row, waiting, replies, user=person.user, idempotency_key=uuid.uuid4().hex)


def carry_out(turn: Turn) -> Turn:
    run_turn(turn.pk)
    turn.refresh_from_db()
    return turn


def run_now(source: Source, session_id: str, run_id: str) -> Run:
    return next(run for run in runs_of(source, session_id) if run.run_id == run_id)


def approval(source: Source, **changes: Any) -> dict[str, Any]:
    """Change the one approval of the source, and return its row."""
    table = table_name(source, "agno_approvals")
    with connection_for(source).cursor() as cursor:
        for column, value in changes.items():
            cursor.execute(f"UPDATE {table} SET {column} = %s", [value])
        cursor.execute(f"SELECT * FROM {table}")
        return dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))


def begun(source: Source, kind: str, component_id: str) -> str:
    session_id = f"{component_id}-session"
    raw = {"session_id": session_id, "session_type": kind, f"{kind}_id": component_id, "user_id": "alice"}
    Writer(source).create_session(Session.from_dict(raw))
    refresh_session(source, session_id)
    return session_id


def rewrite(source: Source, session_id: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what is stored of the paused run of a session, as somebody with access to the database could."""
    with sqlite3.connect(source.path) as connection:
        sql = "SELECT run_id, run_data FROM agno_runs WHERE session_id = ? AND status = 'PAUSED'"
        run_id, text = connection.execute(sql, [session_id]).fetchone()
        raw = json.loads(text)
        change(raw)
        connection.execute("UPDATE agno_runs SET run_data = ? WHERE run_id = ?", [json.dumps(raw), run_id])
    connection.close()
