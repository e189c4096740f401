"""Models by their name: `openai:gpt-4o`."""

from collections.abc import Callable
from typing import Final

from agentos.llm.base import Model
from agentos.llm.openai_chat import OpenAIChat
from agentos.llm.openai_responses import OpenAIResponses

# As Agno names them: plain "openai" is the Responses API.
_PROVIDERS: Final[dict[str, Callable[[str], Model]]] = {
    "openai": OpenAIResponses,
    "openai-responses": OpenAIResponses,
    "openai-chat": OpenAIChat,
}


def get_model(model: Model | str | None) -> Model:
    """Return the model that `<provider>:<model id>` names; a model is returned as it is.

    For None it is `OpenAIChat()`: of what OpenAI offers, it is what other servers offer as well.

    Raises:
        ValueError: the name has another form, or its provider is none of ours; the sentence names them.
    """
    if not isinstance(model, str):
        return model or OpenAIChat()
    provider, _, model_id = (part.strip() for part in model.partition(":"))
    if not provider or not model_id:
        raise ValueError(f"{model!r} names no model: write <provider>:<model id>, such as openai:gpt-4o.")
    make = _PROVIDERS.get(provider.lower())
    if make is None:
        raise ValueError(f"There is no model provider {provider!r}, only {', '.join(_PROVIDERS)}.")
    return make(model_id)
