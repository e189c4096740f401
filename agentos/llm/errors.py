"""What went wrong with a model, in a sentence that says what to do about it."""

from typing import TYPE_CHECKING, Final

from agentos.llm.base import ModelError

if TYPE_CHECKING:
    from openai import APIStatusError

NO_ANSWER: Final = "The model server answered with something that is no answer. Check OPENAI_BASE_URL."


def explain(error: Exception, *, model: str, timeout: float) -> ModelError:
    """Return the error of the openai client, or of what it is built on, as one that can be shown.

    The server's own words are quoted, cut short; keys and addresses are not.
    """
    import httpx2
    import openai

    if isinstance(error, openai.APIStatusError):
        return _explain_status(error, model)
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
        return ModelError(f"The model server was silent for {timeout:g} s. Send the message again, or later.")
    if isinstance(error, openai.APIConnectionError):
        cause = error.__cause__
        if isinstance(cause, ModelError):
            return cause
        if isinstance(cause, httpx2.ConnectError | None):
            return ModelError("The model server cannot be reached. Check OPENAI_BASE_URL and that it is running.")
        return ModelError(
            "The connection to the model server broke before the end of the answer. Send the message again."
        )
    if isinstance(error, openai.APIError):
        said = _quote(error.message)
        return ModelError(f"The model server failed while it was answering{said}. Send the message again.")
    if isinstance(error, httpx2.HTTPError):
        return ModelError("The model's answer broke off before its end. Send the message again.")
    if isinstance(error, openai.OpenAIError):
        return ModelError(f"The model cannot be called{_quote(str(error))}. Check OPENAI_API_KEY.")
    return ModelError(NO_ANSWER)


def _explain_status(error: "APIStatusError", model: str) -> ModelError:
    status, said = error.status_code, _quote(_said(error))
    if status == 401:
        # Without the server's words: they may repeat the key.
        sentence = "The model server refused the key. Check OPENAI_API_KEY."
    elif status == 403:
        sentence = f"The key may not use the model {model!r}{said}. Ask for access, or use another key."
    elif status == 404:
        sentence = f"The model server does not know the model {model!r}{said}. Check OPENAI_BASE_URL."
    elif status == 413:
        sentence = f"This session is too long for the model server{said}. Start a new one."
    elif status == 429:
        sentence = f"The model server takes no more requests now (429){said}. Wait a minute and send the message again."
    elif status >= 500:
        sentence = f"The model server failed ({status}){said}. Send the message again, or later."
    else:
        sentence = f"The model server refused the request ({status}){said}."
    return ModelError(sentence, status)


def _said(error: "APIStatusError") -> str:
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    return message if isinstance(message, str) else ""


def _quote(said: str) -> str:
    """Return the server's words for the middle of a sentence, empty when there are none."""
    words = " ".join(said.split())
    return f": “{words[:300]}”" if words else ""
