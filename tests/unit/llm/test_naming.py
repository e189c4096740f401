"""Models by their name."""

import pytest

from agentos.llm import DemoModel, Model, OpenAIChat, OpenAIResponses, get_model


@pytest.mark.parametrize(
    ("name", "kind", "model_id"),
    [
        ("openai:gpt-4o", OpenAIResponses, "gpt-4o"),
        (" OpenAI : gpt-4o ", OpenAIResponses, "gpt-4o"),
        ("openai-responses:gpt-4o", OpenAIResponses, "gpt-4o"),
        ("openai-chat:ft:gpt-4o:mine", OpenAIChat, "ft:gpt-4o:mine"),
    ],
)
def test_a_name_makes_a_model(name: str, kind: type[Model], model_id: str) -> None:
    model = get_model(name)
    assert type(model) is kind
    assert model.id == model_id


def test_a_model_is_returned() -> None:
    model = DemoModel()
    assert get_model(model) is model


def test_without_a_name_there_is_a_model_all_the_same() -> None:
    assert isinstance(get_model(None), OpenAIChat)


@pytest.mark.parametrize("name", ["gpt-4o", "openai:", ":gpt-4o", "", "nope:x"])
def test_a_wrong_name_is_an_error_that_says_so(name: str) -> None:
    with pytest.raises(ValueError, match=r"openai:gpt-4o|only openai"):
        get_model(name)
