"""Any server that speaks OpenAI's Responses API."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from agentos.llm.base import Delta, Json, Request, ToolCallPart
from agentos.llm.openai_base import OpenAIModel
from agentos.llm.reading import as_json, citations_of, counts, failed, obj, objects, text
from agentos.llm.responses_wire import REASONING_ITEMS, to_items
from agentos.llm.wire import ROLES
from agentos.records import Metrics

if TYPE_CHECKING:
    from openai import OpenAI

# Events whose `delta` is a piece of the answer, and of the reasoning: in summary, or itself where models show it.
_WORDS: Final = frozenset({"response.output_text.delta", "response.refusal.delta"})
_THOUGHTS: Final = frozenset({"response.reasoning_summary_text.delta", "response.reasoning_text.delta"})
# Events that end an answer. Why one is not whole, in the words of chat completions.
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
_REASONS: Final = {"max_output_tokens": "length"}


@dataclass(eq=False, repr=False)
class OpenAIResponses(OpenAIModel):
    """A model behind a Responses endpoint; `id` is the model as the server knows it.

    The whole conversation is sent with each request: nothing depends on what the server has stored, but for the
    reasoning items of the current question. Those are left out when `store` is False, unless they hold their content
    (`include=["reasoning.encrypted_content"]`).
    """

    name: str = "OpenAIResponses"
    include: list[str] | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Json | None = None
    reasoning_summary: str | None = None
    truncation: str | None = None

    _sent: ClassVar[tuple[str, ...]] = (
        *("temperature", "top_p", "user", "store", "metadata", "service_tier", "include", "max_output_tokens"),
        *("max_tool_calls", "parallel_tool_calls", "truncation"),
    )

    @property
    def service(self) -> str:
        """Long name of the provider."""
        return f"{self.provider} Responses"

    def _params(self, request: Request) -> Json:
        roles, stored = {**ROLES, **(self.role_map or {})}, self.store is not False
        items = to_items(request.messages, roles=roles, remote_media=request.remote_media, reasoning=stored)
        params: Json = {"input": items, "reasoning": self._thinking(), "text": self._text(request)}
        if request.tools:
            params["tools"] = [flat_tool(tool) for tool in request.tools]
            params["tool_choice"] = flat_choice(request.tool_choice)
        if request.stream:
            params["stream"] = True
        return {key: value for key, value in params.items() if value is not None}

    def _thinking(self) -> Json | None:
        extra = {"effort": self.reasoning_effort, "summary": self.reasoning_summary}
        return {**(self.reasoning or {}), **{key: value for key, value in extra.items() if value}} or None

    def _text(self, request: Request) -> Json | None:
        shape = request.response_format
        stated = {"format": {"type": shape["type"], **obj(shape.get("json_schema"))}} if shape else {}
        return {**stated, **({"verbosity": self.verbosity} if self.verbosity else {})} or None

    def _create(self, client: "OpenAI", params: Json) -> Any:
        return cast("Any", client.responses).create(**params)

    def _reader(self) -> "ResponsesReader":
        return ResponsesReader()


def flat_tool(tool: Json) -> Json:
    """Return a chat completion's function tool as the Responses API has it; other tools as they are.

    There tools are strict unless they say otherwise, in chat completions the other way round: so it is always said.
    """
    function = tool.get("function")
    if not isinstance(function, dict):
        return tool
    return {"type": "function", "strict": False, **{key: value for key, value in function.items() if value is not None}}


def flat_choice(choice: str | Json | None) -> str | Json | None:
    """Return a chat completion's tool choice as the Responses API has it."""
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        return {"type": "function", **choice["function"]}
    return choice


class ResponsesReader:
    """Reads the events of one streamed answer, or one answer that came whole."""

    def __init__(self) -> None:
        self._annotations: list[Json] = []
        self._reasoning: list[Json] = []
        # Calls by their place in the output, and whether any piece of their arguments has come.
        self._calls: dict[int, bool] = {}

    def read(self, item: Any) -> Delta:
        """Return what the event or the whole answer brings; see `openai_base.Reader`."""
        event = as_json(item)
        kind, piece = text(event.get("type")), text(event.get("delta"))
        if kind in _WORDS:
            return Delta(content=piece)
        if kind in _THOUGHTS:
            return Delta(reasoning=piece)
        if kind == "response.reasoning_summary_part.added" and event.get("summary_index"):
            return Delta(reasoning="\n\n")
        if kind in ("response.output_item.added", "response.output_item.done"):
            return self._item(_index(event), obj(event.get("item")), done=kind.endswith("done"))
        if kind == "response.function_call_arguments.delta" and piece:
            self._calls[_index(event)] = True
            return Delta(tool_calls=(ToolCallPart(_index(event), arguments=piece),))
        if kind == "response.output_text.annotation.added":
            return self._cited([obj(event.get("annotation"))])
        if kind in _ENDS:
            return self._end(obj(event.get("response")))
        if kind == "error" or event.get("error"):
            raise failed(event.get("error") or event)
        return self._whole(event) if event.get("object") == "response" else Delta()

    def _item(self, index: int, item: Json, *, done: bool) -> Delta:
        """Return what the beginning or the end of an item of the output brings."""
        if item.get("type") == "reasoning" and done:
            # Without its state, which is not for sending back.
            self._reasoning.append({key: value for key, value in item.items() if key != "status" and value is not None})
        if item.get("type") != "function_call":
            return Delta()
        known = self._calls.setdefault(index, False)
        arguments = "" if known or not done else text(item.get("arguments"))
        self._calls[index] = known or bool(arguments)
        ids = {"id": text(item.get("id")), "name": text(item.get("name")), "call_id": text(item.get("call_id"))}
        return Delta(tool_calls=(ToolCallPart(index, arguments=arguments, **ids),))

    def _cited(self, annotations: list[Json]) -> Delta:
        self._annotations += annotations
        return Delta(citations=citations_of(self._annotations))

    def _end(self, response: Json) -> Delta:
        """Return what the end of the answer brings: counts, ids, why it ended."""
        if response.get("status") == "failed" or response.get("error"):
            raise failed(response.get("error") or "it does not say why")
        kept = {"response_id": response.get("id"), REASONING_ITEMS: self._reasoning}
        usage, why = response.get("usage"), text(obj(response.get("incomplete_details")).get("reason"))
        return Delta(
            usage=usage_of(usage) if isinstance(usage, dict) else None,
            provider_data={key: value for key, value in kept.items() if value},
            finish_reason=_REASONS.get(why, why) or ("tool_calls" if self._calls else "stop"),
        )

    def _whole(self, response: Json) -> Delta:
        """Return all that an answer which came whole brings."""
        output = objects(response.get("output"))
        parts = [self._item(index, item, done=True) for index, item in enumerate(output)]
        spoken = [part for item in output if item.get("type") == "message" for part in objects(item.get("content"))]
        self._cited([note for part in spoken for note in objects(part.get("annotations"))])
        end = self._end(response)
        return Delta(
            content="".join(text(part.get("text")) or text(part.get("refusal")) for part in spoken),
            reasoning="\n\n".join(_thoughts(self._reasoning)),
            usage=end.usage,
            tool_calls=tuple(call for part in parts for call in part.tool_calls),
            citations=citations_of(self._annotations),
            provider_data=end.provider_data,
            finish_reason=end.finish_reason,
        )


def _thoughts(items: Iterable[Json]) -> list[str]:
    """Return the texts of reasoning items: their summaries, else the reasoning itself."""
    shown = [objects(item.get("summary")) or objects(item.get("content")) for item in items]
    return [words for parts in shown for part in parts if (words := text(part.get("text")))]


def _index(event: Json) -> int:
    index = event.get("output_index")
    return index if isinstance(index, int) else 0


def usage_of(usage: Json) -> Metrics:
    """Return a response's usage under Agno's names; counts that are zero or missing are left out."""
    read, written = obj(usage.get("input_tokens_details")), obj(usage.get("output_tokens_details"))
    known = {key: usage.get(key) for key in ("input_tokens", "output_tokens", "total_tokens")}
    known |= {"cache_read_tokens": read.get("cached_tokens"), "reasoning_tokens": written.get("reasoning_tokens")}
    return counts(known, usage.get("cost"))
