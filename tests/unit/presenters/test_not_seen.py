"""Of which answers of people it is certain that the agent has not read them, by the runs that are stored."""

from typing import Any

import pytest

from agentos.catalog.models import CatalogRun
from agentos.records import BadRun, ByPerson, Run, parse_run
from sessions_ui.presenters.not_seen import not_seen

HUMAN, OLD = "Dana here.", "An old answer."
PEOPLE = {"human": ByPerson("dana")}


def run(run_id: str, *copies: str, kind: str = "agent", text: str = "Hello") -> Run:
    messages = [{"role": "assistant", "content": copy, "from_history": True} for copy in copies]
    raw: dict[str, Any] = {"run_id": run_id, f"{kind}_id": "a", "content": text, "status": "COMPLETED"}
    if kind != "workflow":
        raw["messages"] = [*messages, {"role": "assistant", "content": text}]
    found = parse_run(raw)
    assert isinstance(found, Run)
    return found


SAID = run("human", text=HUMAN)


@pytest.mark.parametrize(
    ("later", "is_newest", "expected"),
    [
        ([], True, {0}),
        ([], False, set()),
        ([run("r", OLD, HUMAN)], True, set()),
        ([run("r", OLD, f"<context>{HUMAN}</context>")], True, set()),
        ([run("r", OLD)], True, {0}),
        ([run("r", OLD)], False, set()),
        ([run("r", OLD), run("s")], True, set()),
        ([run("r")], True, set()),
        ([run("r", kind="workflow")], True, set()),
        ([BadRun("{", "cut")], True, set()),
        ([run("r", OLD), run("s", HUMAN)], True, set()),
    ],
)
def test_table(later: list[Run | BadRun], is_newest: bool, expected: set[int]) -> None:
    runs = [SAID, *later]
    rows = [CatalogRun(ordinal=at, run_id=getattr(one, "run_id", None)) for at, one in enumerate(runs)]
    assert not_seen(rows, dict(enumerate(runs)), PEOPLE, is_newest=is_newest) == expected


def test_what_no_person_wrote_is_never_among_them() -> None:
    rows = [CatalogRun(ordinal=0, run_id="human")]
    assert not not_seen(rows, {0: SAID}, {}, is_newest=True)
    assert not not_seen(rows, {}, PEOPLE, is_newest=True)
    assert not not_seen(rows, {0: SAID}, {"human": ByPerson(asked="dana")}, is_newest=True)
