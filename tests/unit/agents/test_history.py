"""What of earlier runs is sent again."""

from agentos.agents.history import as_context, history_messages, sent_again
from agentos.records import Message, RunOutput, RunStatus, WorkflowRunOutput


def run(number: int, *calls: str) -> RunOutput:
    messages = [Message(role="system", content="rules"), Message(role="user", content=f"ask {number}")]
    for call in calls:
        messages.append(
            Message(role="assistant", tool_calls=[{"id": call, "function": {"name": "f", "arguments": "{}"}}])
        )
        messages.append(Message(role="tool", tool_call_id=call, content=f"found {call}"))
    messages.append(Message(role="assistant", content=f"say {number}"))
    return RunOutput(
        run_id=str(number), agent_id="a", status=RunStatus.completed, messages=messages, content=f"say {number}"
    )


def test_copies_are_marked_and_instructions_are_left_out() -> None:
    source = run(1)
    again = sent_again(source)
    assert [(message.role, message.from_history) for message in again] == [("user", True), ("assistant", True)]
    assert not any(message.from_history for message in source.messages)


def test_the_last_messages_do_not_begin_with_a_result() -> None:
    runs = [run(1, "a"), run(2, "b")]
    assert [message.text for message in history_messages(runs, messages=2)] == ["say 2"]
    assert [message.text for message in history_messages(runs, messages=3)] == ["", "found b", "say 2"]
    assert history_messages(runs, messages=0) == []


def test_only_the_last_calls_are_kept_and_every_word() -> None:
    kept = history_messages([run(1, "a", "b"), run(2, "c")], tool_calls=1)
    assert [message.text for message in kept] == ["ask 1", "say 1", "ask 2", "", "found c", "say 2"]
    assert not any(message.tool_calls for message in history_messages([run(1, "a")], tool_calls=0))


def test_a_workflows_run_is_what_it_was_given_and_answered() -> None:
    done = WorkflowRunOutput(run_id="w", input="Do it", content="Done")
    assert [(message.role, message.text) for message in sent_again(done)] == [("user", "Do it"), ("assistant", "Done")]


def test_runs_as_a_block_of_text() -> None:
    assert as_context([], "past") == ""
    text = as_context([WorkflowRunOutput(run_id="w", input="Do it", content="Done")], "past")
    assert text == "<past>\n[run-1]\ninput: Do it\nresponse: Done\n\n</past>"
