"""What a person wrote in the agent's place is history to real Agno of both releases: it reads it, and goes on."""

import uuid
from typing import Any

import pytest

from agentos.catalog.sync import refresh_session
from agentos.db.connections import connection_for
from agentos.db.reader import Reader
from agentos.db.sources import use_sources
from agentos.turns.models import Turn
from agentos.turns.runner import run_turn
from agentos.turns.service import submit
from tests.conftest import Person
from tests.interop.conftest import NEW, OLD, OURS, Side

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
SAID = "This is Dana, a person: your suitcase is in Lisbon."
SESSIONS = ("5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001", "team-coordinate", "wf-sequential")
WAYS = (("agno-v2.db", OLD), ("agno-v3.db", NEW), ("agno-v2-to-v3.db", NEW), ("agno-v3.db", OURS))


@pytest.mark.parametrize("session_id", SESSIONS)
@pytest.mark.parametrize(("name", "release"), WAYS, ids=str)
def test_agno_reads_it_and_goes_on(
    corpus_file: Any,
    sides: dict[str, Side],
    model_server: Any,
    teammate: Person,
    name: str,
    release: str,
    session_id: str,
) -> None:
    key = f"spoken-{name}-{release}-{session_id}"
    with use_sources(f"lab=sqlite:///{corpus_file(name)}") as [source]:
        refresh_session(source, session_id)
        options: dict[str, Any] = {"user": teammate.user, "idempotency_key": uuid.uuid4().hex, "kind": "operator"}
        run_turn(submit("lab", session_id, SAID, **options).pk)
        turn = Turn.objects.get()
        assert turn.status == "completed", turn.problem
        session = Reader(source).session(session_id)
        assert session is not None
        connection_for(source).close()
        job = {"key": key, "model_url": model_server.url, "message": "And then? [[say Then the end.]]"}
        job |= {"kind": session.session_type, "url": source.url, "schema": "", "component_id": session.component_id}
        job |= {"session_id": session_id, "user_id": session.user_id}
        before = sides[release].do({**job, "do": "view"})
        result = sides[release].do({**job, "do": "run"})
        after = sides[release].do({**job, "do": "view"})
    assert before["run_ids"][-1] == str(turn.pk) and before["contents"][-1] == SAID
    assert result["status"] == "COMPLETED"
    assert after["run_ids"] == [*before["run_ids"], result["run_id"]]
    asked = [entry["body"]["messages"] for entry in model_server.brain.log if entry["key"] == key]
    said = [(one["role"], one["content"]) for messages in asked for one in messages if SAID in str(one["content"])]
    assert said and (session.session_type == "workflow" or said[0] == ("assistant", SAID))
