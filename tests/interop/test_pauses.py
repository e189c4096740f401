"""A run that one side has paused is continued by the other, once what it asks is confirmed, or rejected."""

import json
from typing import Any

import pytest

from tests.conftest import PgServer
from tests.interop.conftest import NEW, OURS, Side
from tests.interop.runs import told

CALL = json.dumps({"table": "plans"})
QUESTION = f"Go [[usage 10 3]][[tool drop {CALL}]][[say All done.]]"
CASES = [
    (kind, backend, first, confirmed)
    for kind in ("agent", "team")
    for backend in ("sqlite", "postgresql")
    for first in (OURS, NEW)
    for confirmed in (True, False)
]


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory, pg_server: PgServer) -> dict[str, str]:
    sqlite = tmp_path_factory.mktemp("pauses") / "agno.db"
    return {"sqlite": f"sqlite:///{sqlite}", "postgresql": pg_server.database()}


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(map(str, case)))
def played(
    request: pytest.FixtureRequest, sides: dict[str, Side], model_server: Any, urls: dict[str, str]
) -> dict[str, Any]:
    """What came of a paused turn, its continuation, and a turn after that."""
    kind, backend, first, confirmed = request.param
    key = "-".join(map(str, request.param))
    one, two = sides[first], sides[NEW if first == OURS else OURS]
    job = {"url": urls[backend], "schema": "ai", "key": key, "model_url": model_server.url, "kind": kind}
    job |= {"component_id": f"the-{kind}", "session_id": key, "user_id": None}
    paused = one.do({**job, "do": "run", "message": QUESTION})
    views = [side.do({**job, "do": "view"}) for side in (one, two)]
    ended = two.do({**job, "do": "confirm", "run_id": paused["run_id"], "confirmed": confirmed})
    after = one.do({**job, "do": "run", "message": "And now? [[usage 10 3]][[say Nothing.]]"})
    views += [side.do({**job, "do": "view"}) for side in (one, two)]
    requests = [told(entry["body"]["messages"]) for entry in model_server.brain.log if entry["key"] == key]
    outcomes = {"paused": paused, "ended": ended, "after": after, "confirmed": confirmed, "first": first}
    return {**outcomes, "views": views, "requests": requests}


def test_the_other_side_goes_on_with_the_run(played: dict[str, Any]) -> None:
    assert played["paused"]["status"] == "PAUSED"
    assert played["ended"]["status"] == "COMPLETED"
    assert played["ended"]["run_id"] == played["paused"]["run_id"]
    assert played["ended"]["content"].endswith("All done.")


def test_the_model_receives_what_became_of_the_call(played: dict[str, Any]) -> None:
    first, second, third = played["requests"]
    [result] = [message for message in second if message[0] == "tool"]
    assert result[1] == "dropped plans" if played["confirmed"] else "not today" in result[1]
    asked = [["user", QUESTION, []], ["assistant", "All done.", [["drop", CALL]]]]
    assert first == asked[:1]
    assert second == [*asked, result]
    assert third[: len(second) + 1] == [*second, ["assistant", "All done.", []]]


def test_both_sides_see_the_same(played: dict[str, Any]) -> None:
    before, before_too, after, after_too = played["views"]
    assert before == before_too
    assert after == after_too
    assert before["statuses"] == ["PAUSED"]
    assert after["statuses"] == ["COMPLETED", "COMPLETED"]
    assert after["run_ids"] == [played["paused"]["run_id"], played["after"]["run_id"]]


def test_totals_count_the_pause_once_when_we_go_on(played: dict[str, Any]) -> None:
    totals = [view["metrics"]["total_tokens"] for view in played["views"]]
    agno_goes_on = played["first"] == OURS  # and adds what the pause had added, once more
    ended = 3 * 13 + (13 if agno_goes_on else 0)
    assert totals == [13, 13, ended, ended]
