"""Marks of odd data, each made by its cause alone; and what of a run's bytes is media or copies."""

from typing import Any

import pytest

from agentos.catalog.facts import place, rows_of, sums
from agentos.catalog.health import MARKS, marks, sentences
from agentos.db.reader import Layout, RunStub
from agentos.records import Session, parse_run

SESSION: dict[str, Any] = {"session_id": "s", "user_id": "ada"}


def stub(position: int, **values: Any) -> RunStub:
    known: dict[str, Any] = {
        "run_id": f"r{position}", "run_type": "agent", "parent_run_id": None, "status": "COMPLETED", "created_at": 1,
        "updated_at": 1, "size": 10, "place": "row", "run_index": position, "user_id": "ada",
    }  # fmt: skip
    return RunStub(position=position, **{**known, **values})


def run(position: int, **values: Any) -> dict[str, Any]:
    return {"run_id": f"r{position}", "agent_id": "a", "metrics": {"total_tokens": 5}, **values}


def marked(
    raws: list[Any], stubs: list[RunStub] | None = None, session: Any = None, layout: Layout = Layout.TABLE
) -> list[str]:
    stubs = stubs or [stub(position) for position in range(len(raws))]
    rows = place(rows_of(one, parse_run(raw)) for one, raw in zip(stubs, raws, strict=True))
    known = Session.from_dict({**SESSION, **(session or {})})
    return marks(known, stubs, rows, sums(rows), mixed=layout is Layout.MIXED)


def counted(tokens: int) -> dict[str, Any]:
    return {"session_data": {"session_metrics": {"total_tokens": tokens}}}


COPY = {"role": "user", "content": "said before " * 50, "from_history": True}


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ([], marked([run(0), run(1)], session=counted(10))),
        ([], marked([])),
        ([], marked([run(0), run(1, parent_run_id="r0")])),
        (["bad_runs"], marked([run(0), 5])),
        (["missing_parents"], marked([run(0, parent_run_id="gone")])),
        (["index_gaps"], marked([run(0), run(1)], [stub(0), stub(1, run_index=2)])),
        (["index_gaps"], marked([run(0)], [stub(0, run_index=1)])),
        ([], marked([run(0), run(1)], [stub(0, run_index=None), stub(1, run_index=None)])),
        (["index_duplicates"], marked([run(0), run(1)], [stub(0), stub(1, run_index=0)])),
        (["foreign_user"], marked([run(0)], [stub(0, user_id="eve")])),
        ([], marked([run(0)], [stub(0, user_id=None)])),
        (["list_layout"], marked([run(0)], [stub(0, place="list", run_index=None)], layout=Layout.MIXED)),
        ([], marked([run(0)], [stub(0, place="list", run_index=None)], layout=Layout.BLOB)),
        ([], marked([run(0), run(1)], [stub(0, place="list", run_index=None), stub(1)], layout=Layout.BLOB)),
        (["history_copies"], marked([run(0, messages=[COPY])])),
        ([], marked([run(0, messages=[COPY, {"role": "user", "content": "new " * 500}])])),
        (["totals_differ"], marked([run(0), run(1)], session=counted(9))),
        ([], marked([{"run_id": "r0", "agent_id": "a"}], session=counted(9))),
    ],
)
def test_each_mark_has_its_cause(expected: list[str], found: list[str]) -> None:
    assert found == expected
    assert len(sentences(found)) == len(found)


def test_sentences() -> None:
    assert all(sentence.endswith(".") for sentence in MARKS.values())
    assert sentences(["nothing known"]) == []


def test_media_is_counted_wherever_it_is_stored() -> None:
    image = {"content": "aGVsbG8="}
    stored = run(
        0,
        input={"input_content": "look", "images": [image], "files": [{"content": "märz", "mime_type": "text/plain"}]},
        messages=[{"role": "user", "images": [image]}, {"role": "assistant", "audio_output": {"content": "QUJD"}}],
        videos=[{"url": "https://example.com/a.mp4"}],
        images=[{"url": "data:image/png;base64,AAAA"}, "no image", {"content": 5}],
        reasoning_steps=[{"title": "think"}],
    )
    [row] = rows_of(stub(0), parse_run(stored))
    assert row.traits == ["audio", "file", "image", "reasoning", "video"]
    assert row.media_bytes == 8 + 5 + 8 + 4 + 26


def test_steps_are_counted_inside_containers_too() -> None:
    step = {"content": "x", "images": [{"content": "QUJD"}]}
    stored = {"run_id": "w", "workflow_id": "w", "step_results": [{"steps": [step, {"steps": [step]}]}, [step]]}
    member = {"run_id": "t", "team_id": "t", "member_responses": [run(7), {**run(8), "parent_run_id": "t"}]}
    rows = place([rows_of(stub(0), parse_run(stored)), rows_of(stub(1), parse_run(member))])
    counts = sums(rows)
    assert (counts["step_count"], counts["member_run_count"], counts["media_bytes"]) == (5, 2, 12)
