"""Row "Teams": a leader, its members, and what is stored of both."""

from typing import Any

from agentos import Agent, Team
from agentos.db.base import BaseDb
from agentos.records import RunStatus
from agentos.tools import tool
from tests.integration.agents.conftest import ModelServer, kept


def crew(store: BaseDb | None, server: ModelServer, **options: Any) -> Team:
    members = [
        Agent(id="anna", name="Anna", role="Knows the weather", model=server.model()),
        Agent(id="ben", name="Ben", role="Knows numbers", description="A mathematician", model=server.model()),
    ]
    options.setdefault("members", members)
    return Team(id="crew", name="Crew", model=server.model(), db=store, session_id="s", **options)


def delegate(server: ModelServer, *tasks: tuple[str, str]) -> None:
    server.calls(*[("delegate_task_to_member", {"member_id": member, "task": task}) for member, task in tasks])


def test_members_runs_are_stored_before_their_leaders(store: BaseDb, server: ModelServer) -> None:
    delegate(server, ("anna", "Weather in Oslo?"))
    server.says("Sunny", "It is sunny, says Anna.")
    run = crew(store, server).run("What's the weather?", user_id="alice")

    assert server.requests[1]["messages"][-1]["content"] == "Weather in Oslo?"
    session = kept(store)
    member, leader = session.runs
    assert (member.kind, member.content, member.parent_run_id, member.user_id) == (
        "agent",
        "Sunny",
        run.run_id,
        "alice",
    )
    assert (leader.kind, leader.content, leader.parent_run_id) == ("team", "It is sunny, says Anna.", None)
    assert leader.raw["member_responses"] == []
    assert [tool.result for tool in leader.tools] == ["Sunny"]
    assert leader.tools[0].child_run_id == member.run_id
    assert [embedded.content for embedded in run.embedded] == ["Sunny"]
    assert "current_run_id" in member.session_state
    assert session.session_metrics.total_tokens == member.metrics.total_tokens + leader.metrics.total_tokens
    assert session.team_data["model"]["id"] == "gpt-4o-mini"


def test_the_leader_is_told_who_its_members_are(store: BaseDb, server: ModelServer) -> None:
    crew(store, server, instructions="Be nice.").run("Hi")
    told = server.last[0][1]
    assert told.startswith("Be nice.")
    assert '<member id="ben" name="Ben">\n  Role: Knows numbers\n  Description: A mathematician\n</member>' in told


def test_members_run_side_by_side(server: ModelServer) -> None:
    delegate(server, ("anna", "one"), ("ben", "two"))
    server.says({"content": "A", "match": "one"}, {"content": "B", "match": "two"}, "both")
    run = crew(None, server).run("go")
    assert [tool.result for tool in run.tools] == ["A", "B"]
    assert run.content == "both"


def test_respond_directly(store: BaseDb, server: ModelServer) -> None:
    delegate(server, ("anna", "task"))
    server.says("From Anna")
    run = crew(store, server, respond_directly=True).run("go")
    assert run.content == "From Anna"
    assert len(server.requests) == 2
    assert kept(store).runs[-1].content == "From Anna"


def test_delegate_to_all_members_with_the_users_own_words(store: BaseDb, server: ModelServer) -> None:
    server.calls(("delegate_task_to_members", {"task": "ignored"}))
    server.says("A", "B", "both")
    crew(store, server, delegate_to_all_members=True, determine_input_for_members=False).run("The question")
    assert [request["messages"][-1]["content"] for request in server.requests[1:3]] == ["The question"] * 2
    assert server.last[-1][1] == "Anna: A\n\nBen: B"
    assert [run.kind for run in kept(store).runs] == ["agent", "agent", "team"]


def test_share_member_interactions(store: BaseDb, server: ModelServer) -> None:
    delegate(server, ("anna", "first task"))
    server.says("first answer")
    delegate(server, ("ben", "second task"))
    server.says("second answer", "done")
    crew(store, server, share_member_interactions=True).run("go")
    told = server.requests[3]["messages"][-1]["content"]
    assert "Member: Anna\nTask: first task\nResponse: first answer" in told
    assert told.endswith("second task")


def test_team_history_for_the_leader_and_its_members(store: BaseDb, server: ModelServer) -> None:
    team = crew(store, server, add_history_to_context=True, add_team_history_to_members=True)
    server.says("Hello")
    team.run("Hi")
    delegate(server, ("anna", "task"))
    server.says("A", "done")
    team.run("Now work")
    assert [content for role, content in server.requests[1]["messages"][1:3] for content in [None]] or True
    assert [(m["role"], m.get("content")) for m in server.requests[1]["messages"][1:]] == [
        ("user", "Hi"), ("assistant", "Hello"), ("user", "Now work"),
    ]  # fmt: skip
    told = server.requests[2]["messages"][-1]["content"]
    assert "input: Hi\nresponse: Hello" in told
    assert told.endswith("task")


def test_a_member_has_a_history_of_its_own(store: BaseDb, server: ModelServer) -> None:
    members = [Agent(id="anna", name="Anna", model=server.model(), add_history_to_context=True)]
    team = crew(store, server, members=members)
    for task in ("one", "two"):
        delegate(server, ("anna", task))
        server.says(f"answer {task}", "done")
        team.run(f"do {task}")
    assert [message["content"] for message in server.requests[4]["messages"]] == ["one", "answer one", "two"]


def test_teams_in_teams(store: BaseDb, server: ModelServer) -> None:
    inner = Team(
        id="inner", name="Inner", members=[Agent(id="cleo", name="Cleo", model=server.model())], model=server.model()
    )
    delegate(server, ("inner", "outer task"))
    delegate(server, ("cleo", "inner task"))
    server.says("from Cleo", "from Inner", "from Crew")
    run = crew(store, server, members=[inner]).run("go")
    assert run.content == "from Crew"
    assert [embedded.content for embedded in run.embedded[0].embedded] == ["from Cleo"]
    # Only direct members have entries of their own (format §4.2).
    assert [stored.content for stored in kept(store).runs] == ["from Inner", "from Crew"]


def test_store_member_responses(store: BaseDb, server: ModelServer) -> None:
    delegate(server, ("anna", "task"))
    server.says("A", "done")
    crew(store, server, store_member_responses=True).run("go")
    session = kept(store)
    assert [member["content"] for member in session.runs[1].raw["member_responses"]] == ["A"]
    totals = [run.metrics.total_tokens for run in session.runs]
    assert session.session_metrics.total_tokens == sum(totals)


def test_an_unknown_member_is_told_to_the_model(store: BaseDb, server: ModelServer) -> None:
    delegate(server, ("nobody", "task"))
    crew(store, server).run("go")
    assert "no member 'nobody'" in server.last[-1][1]
    assert '<member id="anna"' in server.last[-1][1]


def test_a_failing_member_does_not_fail_the_team(store: BaseDb, server: ModelServer) -> None:
    delegate(server, ("anna", "task"))
    server.says({"status": 400, "error": "broken"}, "I could not ask Anna")
    run = crew(store, server).run("go")
    assert run.status == RunStatus.completed
    assert "could not" in server.last[-1][1]
    assert [stored.status for stored in kept(store).runs] == ["ERROR", "COMPLETED"]


def test_members_share_and_change_the_teams_state(store: BaseDb, server: ModelServer) -> None:
    def note(text: str, session_state: dict[str, Any]) -> str:
        session_state["notes"] = [*session_state.get("notes", []), text]
        return "noted"

    members = [Agent(id="anna", name="Anna", model=server.model(), tools=[note])]
    delegate(server, ("anna", "note it"))
    server.calls(("note", {"text": "x"}))
    server.says("noted", "done")
    team = crew(store, server, members=members, session_state={"n": 1})
    team.run("go")
    assert team.get_session_state() == {"n": 1, "notes": ["x"]}


def test_events_of_members_come_in_between(store: BaseDb, server: ModelServer) -> None:
    delegate(server, ("anna", "task"))
    server.says("From Anna", "From the team")
    events = list(crew(store, server).run("go", stream=True, stream_events=True))
    names = [event.event for event in events if not event.event.endswith("RunContent")]
    assert names.index("TeamToolCallStarted") < names.index("RunStarted") < names.index("RunCompleted")
    assert names.index("RunCompleted") < names.index("TeamToolCallCompleted") < names.index("TeamRunCompleted")
    inner = next(event for event in events if event.event == "RunStarted")
    assert (inner.parent_run_id, inner.nested_depth) == (events[0].run_id, 1)


def test_a_paused_member_pauses_its_team_and_both_go_on(store: BaseDb, server: ModelServer) -> None:
    @tool(requires_confirmation=True)
    def drop(table: str) -> str:
        return f"dropped {table}"

    def team() -> Team:
        return crew(store, server, members=[Agent(id="anna", name="Anna", model=server.model(), tools=[drop])])

    delegate(server, ("anna", "drop t"))
    server.calls(("drop", {"table": "t"}))
    run = team().run("go")

    assert run.status == RunStatus.paused
    requirement = run.active_requirements[0]
    assert (requirement.member_agent_id, requirement.member_agent_name) == ("anna", "Anna")
    member, leader = kept(store).runs
    assert (member.status, leader.status) == ("PAUSED", "PAUSED")
    assert [embedded["run_id"] for embedded in leader.raw["member_responses"]] == [member.run_id]

    requirement.confirm()
    server.says("Anna did it", "All done")
    again = team().continue_run(run_id=run.run_id, session_id="s", requirements=[requirement])

    assert (again.status, again.content) == (RunStatus.completed, "All done")
    assert ("tool", "Anna did it") in server.last
    member, leader = kept(store).runs
    assert (member.status, member.content, leader.status) == ("COMPLETED", "Anna did it", "COMPLETED")
    assert leader.raw["member_responses"] == []
    total = kept(store).session_metrics.total_tokens
    assert total == member.metrics.total_tokens + leader.metrics.total_tokens
