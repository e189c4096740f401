"""Real Agno opens the tables we create and every demo session in them, and can continue those."""

from collections import Counter
from typing import Any

import pytest

from agentos.db.sources import use_sources
from agentos.demo.fill import demo_sessions, fill
from agentos.demo.script import Script
from tests.conftest import PgServer
from tests.interop.conftest import NEW, Side

NOW = 1_790_000_000
CONTINUED = ("refund-4711", "porto-or-ghent", "close-2026-10", "fx-rates", "night-shift-log")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def results(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: Any,
    sides: dict[str, Side],
    model_server: Any,
) -> dict[str, dict[str, Any]]:
    """What Agno says of every demo session, by session id; some of them it has continued."""
    folder = tmp_path_factory.mktemp("demo")
    url = f"sqlite:///{folder / 'demo.db'}"
    if request.param == "postgresql":
        server: PgServer = request.getfixturevalue("pg_server")
        url = server.database()
    with django_db_blocker.unblock(), use_sources(f"demo={url}") as [source]:
        fill(source, NOW)
        schema = source.schema
    found = {}
    for script in demo_sessions(NOW):
        asked = job(script, url, schema, model_server.url)
        found[script.session_id] = {"before": sides[NEW].do({**asked, "do": "view"})}
        if script.session_id in CONTINUED:
            ended = sides[NEW].do({**asked, "do": "run", "message": "Anything else?"})
            found[script.session_id] |= ended | {"after": sides[NEW].do({**asked, "do": "view"})}
    return found


def job(script: Script, url: str, schema: str, model_url: str) -> dict[str, Any]:
    """Return the driver's job for one session."""
    return {
        "url": url,
        "schema": schema,
        "key": script.session_id.encode("ascii", "replace").decode(),
        "model_url": model_url,
        "kind": script.component.kind,
        "component_id": script.component.id,
        "session_id": script.session_id,
        "user_id": script.user_id,
    }


def test_agno_loads_every_session(results: dict[str, dict[str, Any]]) -> None:
    for script in demo_sessions(NOW):
        loaded = results[script.session_id]["before"]
        assert loaded["run_ids"] == [run["run_id"] for run in script.runs]
        assert loaded["statuses"] == [run["status"] for run in script.runs]
        assert loaded["name"] == script.name
        assert loaded["state"] == script.state


def test_agno_continues_them(results: dict[str, dict[str, Any]]) -> None:
    for session_id in CONTINUED:
        result = results[session_id]
        assert result["status"] == "COMPLETED"
        assert result["after"]["run_ids"] == [*result["before"]["run_ids"], result["run_id"]]


def test_totals_are_the_sum_of_the_runs(results: dict[str, dict[str, Any]]) -> None:
    for script in demo_sessions(NOW):
        loaded = results[script.session_id]["before"]
        if script.component.kind == "agent":
            total: Counter[str] = Counter()
            for run in script.runs:
                total["total_tokens"] += run.get("metrics", {}).get("total_tokens", 0)
            assert (loaded["metrics"] or {}).get("total_tokens", 0) == total["total_tokens"]
