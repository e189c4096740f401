"""Runs as programs build and ask them."""

import json
from typing import Any

import pytest

from agentos.records import Image, RunOutput, RunStatus, TeamRunOutput, WorkflowRunOutput


class Shape:
    """An answer in a shape, as pydantic's models have it."""

    def model_dump(self, **_: Any) -> dict[str, Any]:
        return {"city": "Köln"}

    def model_dump_json(self, **_: Any) -> str:
        return '{"city":"Köln"}'


@pytest.mark.parametrize(
    ("content", "text"),
    [("Köln", "Köln"), ({"city": "Köln"}, '{"city": "Köln"}'), (None, "null"), (Shape(), '{"city":"Köln"}')],
    ids=["text", "object", "nothing", "shape"],
)
def test_the_answer_as_a_string(content: Any, text: str) -> None:
    assert RunOutput(content=content).get_content_as_string() == text


def test_a_shape_is_stored_as_json() -> None:
    shape = Shape()
    run = RunOutput(run_id="r", content=shape)
    assert run.content is shape
    assert run.to_dict()["content"] == {"city": "Köln"}
    assert RunOutput.from_dict(run.to_dict()).content == {"city": "Köln"}


def test_a_run_as_json() -> None:
    run = RunOutput(run_id="r", content="Köln")
    assert json.loads(run.to_json()) == run.to_dict()
    compact = run.to_json(separators=(",", ":"), indent=None)
    assert '"content":"K\\u00f6ln"' in compact and "\n" not in compact


def test_a_members_run_brings_what_it_made() -> None:
    team = TeamRunOutput(run_id="t", images=[Image(id="1", url="one")])
    assert team.to_dict()["member_responses"] == []
    member = RunOutput(run_id="m", agent_id="a", images=[Image(id="2", url="two")])
    team.add_member_run(member)
    assert team.embedded == [member]
    assert [image.id for image in team.images] == ["1", "2"]
    assert [image.id for image in member.images] == ["2"]
    stored = TeamRunOutput.from_dict({"team_id": "t", "member_responses": None, "images": 5})
    stored.add_member_run(member)
    assert (stored.embedded, [image.id for image in stored.images]) == ([member], ["2"])


@pytest.mark.parametrize("status", RunStatus)
def test_a_workflow_has_completed_with_an_answer_or_an_error(status: RunStatus) -> None:
    run = WorkflowRunOutput(run_id="w", status=status)
    assert run.has_completed() is (status in (RunStatus.completed, RunStatus.error))
    assert run.is_paused is (status == RunStatus.paused)
    assert run.is_cancelled is (status == RunStatus.cancelled)
