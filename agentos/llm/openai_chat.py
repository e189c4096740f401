"""Any server that speaks OpenAI's chat completions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from agentos.llm.base import Delta, Json, Request, ToolCallPart
from agentos.llm.openai_base import OpenAIModel
from agentos.llm.reading import as_json, citations_of, counts, failed, obj, objects, text
from agentos.llm.wire import ROLES, to_wire
from agentos.records import Metrics

if TYPE_CHECKING:
    from openai import OpenAI

# Where servers put the model's reasoning: DeepSeek and vLLM, OpenRouter and Ollama, others.
_REASONING_FIELDS: Final = ("reasoning_content", "reasoning", "thinking")
# Of a spoken answer: hertz and channels, which the server does not say.
_SOUND: Final = {"sample_rate": 24000, "channels": 1}


@dataclass(eq=False, repr=False)
class OpenAIChat(OpenAIModel):
    """A model behind a chat completions endpoint; `id` is the model as the server knows it."""

    name: str = "OpenAIChat"
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, int] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    modalities: list[str] | None = None
    audio: Json | None = None

    _sent: ClassVar[tuple[str, ...]] = (
        *("temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "stop", "frequency_penalty"),
        *("presence_penalty", "logit_bias", "logprobs", "top_logprobs", "user", "reasoning_effort", "verbosity"),
        *("modalities", "audio", "store", "metadata", "service_tier"),
    )

    @property
    def service(self) -> str:
        """Long name of the provider."""
        return f"{self.provider} Chat"

    def _params(self, request: Request) -> Json:
        roles = {**ROLES, **(self.role_map or {})}
        params: Json = {"messages": to_wire(request.messages, roles=roles, remote_media=request.remote_media)}
        if request.tools:
            params["tools"] = list(request.tools)
            params |= {"tool_choice": request.tool_choice} if request.tool_choice is not None else {}
        if request.response_format is not None:
            params["response_format"] = request.response_format
        if request.stream:
            params |= {"stream": True, "stream_options": {"include_usage": True}}
        return params

    def _create(self, client: "OpenAI", params: Json) -> Any:
        return cast("Any", client.chat.completions).create(**params)

    def _reader(self) -> "ChatReader":
        return ChatReader((self.audio or {}).get("format"))


class ChatReader:
    """Reads the chunks of one streamed answer, or one answer that came whole. `sound`: the format asked for."""

    def __init__(self, sound: str | None = None) -> None:
        self._calls = _Calls()
        self._annotations: list[Json] = []
        self._sound = {**_SOUND, "format": sound} if sound else _SOUND

    def read(self, item: Any) -> Delta:
        """Return what the chunk or the whole answer brings; see `openai_base.Reader`."""
        chunk = as_json(item)
        if failure := chunk.get("error"):
            raise failed(failure)
        choice = next(iter(objects(chunk.get("choices"))), {})
        said = obj(choice.get("delta")) or obj(choice.get("message"))
        usage = chunk.get("usage")
        return Delta(
            content=text(said.get("content")) or text(said.get("refusal")),
            reasoning=next((words for name in _REASONING_FIELDS if (words := text(said.get(name)))), ""),
            usage=usage_of(usage) if isinstance(usage, dict) else None,
            tool_calls=tuple(self._calls.part(call) for call in objects(said.get("tool_calls"))),
            audio=self._audio(obj(said.get("audio"))),
            citations=self._cited(objects(said.get("annotations"))),
            provider_data=_provider_data(chunk, choice),
            finish_reason=text(choice.get("finish_reason")),
        )

    def _audio(self, audio: Json) -> Json | None:
        known = {key: audio[key] for key in ("id", "data", "transcript", "expires_at") if audio.get(key) is not None}
        return {**known, **self._sound} if known else None

    def _cited(self, annotations: list[Json]) -> Json | None:
        self._annotations += annotations
        return citations_of(self._annotations) if annotations else None


class _Calls:
    """Tells which call a piece belongs to: some servers number all calls 0, or none."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._slots: dict[Any, int] = {}

    def part(self, raw: Json) -> ToolCallPart:
        """Return the piece with the number of its call."""
        index = raw.get("index") if isinstance(raw.get("index"), int) else None
        call_id, function = text(raw.get("id")), obj(raw.get("function"))
        name, slot = text(function.get("name")), self._slots.get(index)
        another = slot is not None and call_id and self._ids[slot] and call_id != self._ids[slot]
        if slot is None or another or (index is None and name):
            slot = self._slots[index] = len(self._ids)
            self._ids.append(call_id)
        return ToolCallPart(slot, call_id, name, text(function.get("arguments")))


def _provider_data(chunk: Json, choice: Json) -> Json | None:
    """Return what Agno keeps of the server's own data; only with the end of the answer, it is the same throughout."""
    if not choice.get("finish_reason"):
        return None
    kept = {key: chunk[key] for key in ("id", "system_fingerprint") if isinstance(chunk.get(key), str)}
    return kept or None


def usage_of(usage: Json) -> Metrics:
    """Return a chat completion's usage under Agno's names; counts that are zero or missing are left out."""
    prompt, completion = obj(usage.get("prompt_tokens_details")), obj(usage.get("completion_tokens_details"))
    known = {
        "input_tokens": usage.get("prompt_tokens"),
        "output_tokens": usage.get("completion_tokens"),
        "total_tokens": usage.get("total_tokens"),
        "audio_input_tokens": prompt.get("audio_tokens"),
        "audio_output_tokens": completion.get("audio_tokens"),
        "audio_total_tokens": _sum(prompt.get("audio_tokens"), completion.get("audio_tokens")),
        "cache_read_tokens": prompt.get("cached_tokens"),
        "reasoning_tokens": completion.get("reasoning_tokens"),
    }
    return counts(known, usage.get("cost"))


def _sum(*numbers: Any) -> int:
    return sum(number for number in numbers if type(number) is int)
