"""Counts of tokens and time, in the shapes Agno gives them on messages, runs, sessions and workflows.

Zeros and nulls are left out when Agno stores metrics, so a missing key is a zero as long as another one is there, and
nothing is known only when all of them are missing.
"""

from typing import Any, Final

from agentos.records.fields import Integer, Number, Object, One, Record, Text

__all__ = ["TOKEN_KEYS", "Metrics", "ModelMetrics", "StepMetrics"]

TOKEN_KEYS: Final = (
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "audio_total_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)


class _Tokens(Record):
    """The keys that metrics have on every level."""

    __slots__ = ()
    input_tokens = Integer()
    output_tokens = Integer()
    total_tokens = Integer()
    audio_input_tokens = Integer()
    audio_output_tokens = Integer()
    audio_total_tokens = Integer()
    cache_read_tokens = Integer()
    cache_write_tokens = Integer()
    reasoning_tokens = Integer()
    cost = Number()
    provider_metrics = Object()

    @property
    def tokens(self) -> int | None:
        """All tokens: the stored total, else input plus output; None when no count is stored."""
        if self.total_tokens is not None:
            return self.total_tokens
        parts = [count for count in (self.input_tokens, self.output_tokens) if count is not None]
        return sum(parts) if parts else None


class ModelMetrics(_Tokens):
    """One entry of `details`: what one model of one provider used in one role."""

    __slots__ = ()
    id = Text()
    provider = Text()


class Metrics(_Tokens):
    """Metrics of a message, a tool execution, a run, a step, a session or a workflow run. Times are seconds."""

    __slots__ = ()
    duration = Number()
    time_to_first_token = Number()
    start_time = Number()
    end_time = Number()
    additional_metrics = Object()

    details = Object()

    @property
    def models(self) -> dict[str, list[ModelMetrics]]:
        """Read `details`: role (`model`, `memory_model`, `session_summary_model`, ...) to the models that had it."""
        return {
            role: [ModelMetrics.from_dict(entry) for entry in entries if isinstance(entry, dict)]
            for role, entries in (self.details or {}).items()
            if isinstance(entries, list)
        }

    @property
    def steps(self) -> dict[str, "StepMetrics"]:
        """Step name to its metrics, of a workflow run; steps that share a name have overwritten each other."""
        stored: Any = self.raw.get("steps")
        if not isinstance(stored, dict):
            return {}
        return {name: StepMetrics.from_dict(step) for name, step in stored.items() if isinstance(step, dict)}


class StepMetrics(Record):
    """What one step of a workflow run used."""

    __slots__ = ()
    step_name = Text()
    executor_type = Text()
    executor_name = Text()
    metrics = One(Metrics)
