"""The one table of a case's transitions, and the diagram in the docs that is made from it."""

from itertools import product
from pathlib import Path

import pytest

from agentos.management.commands.case_diagram import with_diagram
from agentos.moderation.states import TRANSITIONS, UNRESOLVED, State, diagram, leads_on

DOCUMENT = Path(__file__).parents[3] / "docs" / "moderation.md"
POSSIBLE = {
    ("claim", "open"), ("claim", "escalated"),
    ("assign", "open"), ("assign", "claimed"), ("assign", "escalated"),
    ("give_back", "claimed"),
    ("escalate", "open"), ("escalate", "claimed"),
    ("resolve", "claimed"), ("resolve", "escalated"),
    ("reopen", "resolved"),
}  # fmt: skip


@pytest.mark.parametrize(("act", "state"), product(TRANSITIONS, State.values))
def test_each_act_in_each_state(act: str, state: str) -> None:
    assert leads_on(act, state) is ((act, state) in POSSIBLE)


def test_every_case_can_come_to_an_end() -> None:
    reached = {State.RESOLVED}
    for _ in State:
        reached |= {before for one in TRANSITIONS.values() if one.after in reached for before in one.before}
    assert reached == set(State) and State.RESOLVED not in UNRESOLVED


def test_the_docs_show_the_table() -> None:
    text = DOCUMENT.read_text()
    assert diagram() in text and with_diagram(text) == text, "run `manage.py case_diagram`"
