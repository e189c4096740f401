"""A fork made here, of a whole session or at a run of it, is a session that real Agno, of both releases, carries on."""

from dataclasses import dataclass
from typing import Any

import pytest

from agentos.changes.forking import fork
from agentos.db.connections import connection_for
from agentos.db.reader import Reader
from agentos.db.sources import use_sources
from agentos.records import Run
from tests.interop.conftest import NEW, OLD, Side

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
SESSIONS = ("5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001", "team-coordinate", "wf-sequential", "anonymous-chat")
WAYS = (("agno-v2.db", OLD), ("agno-v3.db", NEW), ("agno-v2-to-v3.db", NEW))


@dataclass
class Carried:
    """The runs of a fork, what Agno saw of it before and after its turn, and what its model was sent."""

    runs: list[Run]
    before: dict[str, Any]
    result: dict[str, Any]
    after: dict[str, Any]
    asked: str


def carry(source: Any, session_id: str, at_first: bool, key: str, side: Side, server: Any) -> Carried:
    """Fork, and let Agno continue the fork."""
    runs = [run for run in Reader(source).all_runs(session_id) if isinstance(run, Run)]
    first = next(run.run_id for run in runs if run.is_top_level)
    new = fork(source, session_id, first if at_first else None).session_id
    session = Reader(source).session(new)
    assert session is not None
    copied = [run for run in Reader(source).all_runs(new) if isinstance(run, Run)]
    connection_for(source).close()
    job = {"key": key, "model_url": server.url, "message": "And then? [[say Then the end.]]"}
    job |= {"kind": session.session_type, "url": source.url, "schema": "", "component_id": session.component_id}
    job |= {"session_id": new, "user_id": session.user_id}
    before = side.do({**job, "do": "view"})
    result = side.do({**job, "do": "run"})
    after = side.do({**job, "do": "view"})
    asked = str([entry["body"]["messages"] for entry in server.brain.log if entry["key"] == key])
    return Carried(copied, before, result, after, asked)


@pytest.mark.parametrize("at_first", [False, True], ids=["whole", "first run"])
@pytest.mark.parametrize("session_id", SESSIONS)
@pytest.mark.parametrize(("name", "release"), WAYS, ids=str)
def test_agno_carries_on(
    corpus_file: Any,
    sides: dict[str, Side],
    model_server: Any,
    name: str,
    release: str,
    session_id: str,
    at_first: bool,
) -> None:
    key = f"{name}-{session_id}-{at_first}"
    with use_sources(f"lab=sqlite:///{corpus_file(name)}") as [source]:
        case = carry(source, session_id, at_first, key, sides[release], model_server)
    ids = [run.run_id for run in case.runs]
    assert case.before["run_ids"] == ids and ids
    assert case.result["status"] == "COMPLETED"
    assert case.after["run_ids"] == [*ids, case.result["run_id"]]
    assert set(case.before["parents"]) <= {*ids, None}
    assert str(case.runs[-1].content_text).split("\n")[0][:20] in case.asked
