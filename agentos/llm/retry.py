"""Trying a request again that failed before its answer began."""

import random
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from itertools import count
from typing import TYPE_CHECKING, Final, TypeVar

from agentos.llm.base import ModelError
from agentos.llm.connection import Interrupted

if TYPE_CHECKING:
    from openai import APIStatusError

T = TypeVar("T")

# Seconds: the first pause and the longest; it doubles from one to the next.
_FIRST: Final = 0.5
_LONGEST: Final = 8.0
# Seconds: a server that asks for a longer pause is told of at once, so that a person can decide.
_PATIENCE: Final = 60.0


def with_retries(call: Callable[[], T], retries: int, wait: Callable[[float], bool]) -> T:
    """Return what `call` returns, tried again up to `retries` times after failures that may pass.

    `wait(seconds)` pauses, and returns true when nobody waits for the answer any more. The last error is raised.
    """
    import openai

    for attempt in count():
        try:
            return call()
        except openai.APIError as error:
            delay = pause_after(error, attempt)
            if attempt >= retries or delay is None or wait(delay):
                raise
    raise AssertionError("count() does not end")


def pause_after(error: Exception, attempt: int) -> float | None:
    """Return the seconds to wait after this failure of the attempt (from 0); None when trying again is no use.

    A silent server is not tried again: whoever waits has waited long enough.
    """
    import openai

    if isinstance(error, openai.APIStatusError):
        return _pause_after_status(error, attempt)
    if isinstance(error, openai.APIConnectionError) and not isinstance(error, openai.APITimeoutError):
        return None if isinstance(error.__cause__, ModelError | Interrupted) else _backoff(attempt)
    return None


def _pause_after_status(error: "APIStatusError", attempt: int) -> float | None:
    headers, advice = error.response.headers, error.response.headers.get("x-should-retry")
    may_pass = error.status_code in (408, 409, 429) or error.status_code >= 500
    if advice == "false" or error.code == "insufficient_quota" or not (may_pass or advice == "true"):
        return None
    asked = retry_after(headers)
    if asked is None:
        return _backoff(attempt)
    return asked if asked <= _PATIENCE else None


def retry_after(headers: Mapping[str, str], clock: Callable[[], float] = time.time) -> float | None:
    """Return the seconds a response asks to wait (RFC 9110 §10.2.3, and OpenAI's `retry-after-ms`), at least 0."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, ValueError):
            continue
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - clock())
    except (KeyError, ValueError):
        return None


def _backoff(attempt: int) -> float:
    """Return a growing pause, shortened at random so that many callers do not come back at once."""
    return min(_FIRST * 2.0**attempt, _LONGEST) * random.uniform(0.75, 1.0)  # noqa: S311  # spreads requests, hides nothing
