"""Who belongs under whom, however runs are linked and stored."""

from typing import Any

from agentos.records import BadRun, Run, RunNode, build_forest, parse_run, tally, walk

DEEP = 10_000


def agent(run_id: str, parent: str | None = None, **more: Any) -> dict[str, Any]:
    return {"agent_id": "a", "run_id": run_id, **({"parent_run_id": parent} if parent else {}), **more}


def team(run_id: str, *members: Any, **more: Any) -> dict[str, Any]:
    return {"team_id": "t", "run_id": run_id, "member_responses": list(members), **more}


def outline(*stored: Any) -> list[tuple[int, str | None]]:
    return [(node.depth, run_id(node)) for node in walk(build_forest(map(parse_run, stored)))]


def run_id(node: RunNode) -> str | None:
    return node.run.run_id if isinstance(node.run, Run) else None


def test_members_stored_before_their_leader() -> None:
    stored = [agent("m1", "t1"), agent("m2", "t1"), team("t1"), agent("solo")]
    assert outline(*stored) == [(0, "t1"), (1, "m1"), (1, "m2"), (0, "solo")]


def test_a_run_both_stored_and_embedded_is_there_once() -> None:
    stored = [agent("m1", "t1"), team("t1", agent("m1", "t1"), agent("m2", "t1"))]
    forest = build_forest(map(parse_run, stored))
    assert [(run_id(node), node.stored, node.position) for node in walk(forest)] == [
        ("t1", True, 1),
        ("m1", True, 0),
        ("m2", False, 1),
    ]


def test_embedded_runs_without_a_parent_belong_to_their_container() -> None:
    workflow = {
        "run_id": "w",
        "step_executor_runs": [team("t1", agent("m1")), agent("s2", "w"), {"run_id": "w2", "workflow_id": "inner"}],
        "workflow_agent_run": agent("front", "w"),
    }
    assert outline(workflow) == [(0, "w"), (1, "t1"), (2, "m1"), (1, "s2"), (1, "w2"), (1, "front")]


def test_unknown_parents_make_roots() -> None:
    assert outline(agent("a", "gone"), agent("b", "b")) == [(0, "a"), (0, "b")]


def test_circles_are_cut() -> None:
    assert outline(agent("a", "b"), agent("b", "c"), agent("c", "a"), agent("d", "b")) == [
        (0, "a"),
        (1, "c"),
        (2, "b"),
        (3, "d"),
    ]


def test_a_leader_whose_parent_is_its_own_member() -> None:
    assert sorted(outline(team("t1", agent("m1", "t1"), parent_run_id="m1"))) == [(0, "t1"), (1, "m1")]


def test_bad_runs_are_roots() -> None:
    forest = build_forest(map(parse_run, [None, agent("a"), "text", {"run_id": 7}]))
    assert [isinstance(node.run, BadRun) for node in forest] == [True, False, True, False]
    assert [node.position for node in forest] == [0, 1, 2, 3]


def test_runs_without_ids_are_all_shown() -> None:
    assert len(outline({"agent_id": "a"}, {"agent_id": "a"}, team("t", {"agent_id": "b"}))) == 4


def test_deep_nesting_is_no_problem() -> None:
    nested = agent("r0")
    for number in range(1, DEEP):
        nested = team(f"r{number}", nested)
    nodes = list(walk(build_forest([parse_run(nested)])))
    assert nodes[-1].depth == DEEP - 1
    assert tally([parse_run(nested)]).forest_run_count == DEEP


def test_long_chains_of_parents_are_no_problem() -> None:
    stored = [agent(f"r{number}", f"r{number + 1}") for number in range(DEEP)]
    assert len(outline(*stored)) == DEEP
    counted = tally(map(parse_run, stored))
    assert (counted.top_level_run_count, counted.orphan_parents) == (0, [f"r{DEEP}"])
