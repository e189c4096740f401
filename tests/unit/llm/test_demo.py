"""The demo model: offline, the same every time, honest."""

from agentos.llm.base import Request
from agentos.llm.demo import DemoModel
from agentos.records import Message

TALK = [
    Message(role="user", content="Hi"),
    Message(role="assistant", content="Hello"),
    Message(role="user", content="Go"),
]


def test_it_says_that_it_is_the_demo_and_what_would_be_sent() -> None:
    words = [delta.content for delta in DemoModel("gpt-5", pause=0).answer(Request(TALK), cancelled=lambda: False)]
    answer = "".join(words)
    assert len(words) > 20
    assert "no model key is set" in answer
    assert "> Go" in answer
    assert "`gpt-5` would be sent 2 earlier messages" in answer
    assert (
        "".join(delta.content for delta in DemoModel("gpt-5", pause=0).answer(Request(TALK), cancelled=lambda: False))
        == answer
    )


def test_it_stops_when_told() -> None:
    assert list(DemoModel(pause=0).answer(Request(TALK), cancelled=lambda: True)) == []
