"""What must hold of every turn once a fault is over, whatever the fault was and whenever it came."""

from itertools import pairwise

from tests.faults.place import Place, Sent, StoredRun

STATUS_OF = {"COMPLETED": "completed", "ERROR": "failed", "CANCELLED": "cancelled", "PAUSED": "waiting"}


def check(place: Place, turns: list[Sent], *, before: int = 1) -> None:
    """Look at all turns of one session, in the order in which they were sent; `before`: runs it had before them."""
    [session_id] = {turn.session_id for turn in turns}
    runs = place.runs(session_id)
    own = {run.run_id: run for run in runs[before:]}
    assert len(own) == len(runs) - before, "a run is stored twice"
    assert set(own) <= {str(turn.id) for turn in turns}, "a run is nobody's"
    assert place.session_tokens(session_id) == sum(run.tokens for run in runs), "the session's totals are off"
    for turn in turns:
        _check_turn(turn, own.get(str(turn.id)))
    stored = [str(turn.id) for turn in turns if str(turn.id) in own]
    assert list(own) == stored, "the runs are not in the order of their messages"


def _check_turn(turn: Sent, run: StoredRun | None) -> None:
    assert turn.has_ended, f"it is {turn.status} for ever"
    events = turn.events
    kinds = [kind for _, kind, _ in events]
    assert [seq for seq, _, _ in events] == list(range(1, len(events) + 1)), "an event is missing or doubled"
    assert kinds.count("done") == 1 and kinds[-1] == "done", "its browsers are not told once that it is over"
    assert (run is not None) == (turn.status in STATUS_OF.values() and _run_id(events) != ""), (
        f"the turn says {turn.status}, its run is {'there' if run else 'not there'}"
    )
    if run is not None:
        _check_run(turn, run)
    _check_stream(turn)


def _check_run(turn: Sent, run: StoredRun) -> None:
    raw = run.raw
    assert STATUS_OF[raw["status"]] == turn.status, "turn and run end differently"
    said = [message for message in raw["messages"] if not message.get("from_history")]
    assert [message["role"] for message in said].count("user") == 1, "what was asked is not in the run once"
    if turn.status == "completed":
        assert raw["content"] == turn.text, "log and run tell different answers"
    else:
        kept = [message["content"] for message in said if message["role"] == "assistant"]
        assert "".join(text or "" for text in kept) == turn.text, "what had come is not in the run"


def _check_stream(turn: Sent) -> None:
    """A browser that comes now gets the text once, growing, and its end once; so does one that had half of it."""
    for after in (0, len(turn.events) // 2):
        got = list(turn.place.messages(turn.id, after))
        assert [name for _, name, _ in got].count("done") == 1 and got[-1][1:] == ("done", turn.status)
        assert all(earlier[0] <= later[0] for earlier, later in pairwise(got))
        if turn.text:
            shown = [data for _, name, data in got if name == "answer"]
            assert turn.text.strip() in shown[-1], "the browser does not show all of the text"
            assert shown[-1].count(turn.text.strip()) == 1


def _run_id(events: list[tuple[int, str, dict[str, object]]]) -> object:
    return next((told["run_id"] for _, kind, told in events if kind == "status" and "run_id" in told), "")
