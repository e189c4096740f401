"""The options that agents and teams share, under Agno's names and with its defaults."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agentos.agents.component import SessionComponent
from agentos.agents.request import RunRequest
from agentos.agents.summaries import SessionSummaryManager
from agentos.llm import Model, get_model
from agentos.records import Message
from agentos.tools import Function, functions_of


@dataclass(kw_only=True, eq=False, repr=False)
class ModelComponent(SessionComponent):
    """A component that talks to a model.

    Context: `description`, `instructions`, `role`, `expected_output`, `additional_context` and the `add_…_to_context`
    options make the system message; `{name}` in them is replaced from the session state.
    History: `num_history_runs` (3) runs, or the last `num_history_messages` messages.
    Storage: `store_media`, `store_tool_messages`, `store_history_messages` and `store_events` say what is kept.
    """

    model: Model | str | None = None
    role: str | None = None
    description: str | None = None
    instructions: str | Sequence[str] | Callable[..., Any] | None = None
    use_instruction_tags: bool = False
    expected_output: str | None = None
    additional_context: str | None = None
    additional_input: Sequence[Any] | None = None
    system_message: str | Callable[..., Any] | Message | None = None
    system_message_role: str = "system"
    user_message_role: str = "user"
    build_context: bool = True
    resolve_in_context: bool = True
    markdown: bool = False
    add_name_to_context: bool = False
    add_datetime_to_context: bool = False
    datetime_format: str | None = None
    timezone_identifier: str | None = None
    add_dependencies_to_context: bool = False
    send_media_to_model: bool = True

    add_session_state_to_context: bool = False
    enable_agentic_state: bool = False

    add_history_to_context: bool = False
    num_history_runs: int | None = None
    num_history_messages: int | None = None
    max_tool_calls_from_history: int | None = None
    read_chat_history: bool = False
    read_tool_call_history: bool = False
    search_past_sessions: bool = False
    num_past_sessions_to_search: int | None = None
    num_past_session_runs_in_search: int | None = None

    enable_session_summaries: bool = False
    add_session_summary_to_context: bool | None = None
    session_summary_manager: SessionSummaryManager | None = None

    store_tool_messages: bool = True
    store_history_messages: bool = False

    tools: Sequence[Any] | None = None
    tool_hooks: Sequence[Callable[..., Any]] | None = None
    tool_call_limit: int | None = None
    tool_choice: str | dict[str, Any] | None = None

    input_schema: Any = None
    output_schema: Any = None
    parse_response: bool = True
    use_json_mode: bool = False
    structured_outputs: bool | None = None

    retries: int = 0
    delay_between_retries: float = 1
    exponential_backoff: bool = False

    def chat_model(self) -> Model:
        """Return the model; one named by a text ("openai:gpt-4o-mini") is made on first use.

        Raises:
            ValueError: the component has none.
        """
        if self.model is None:
            self.model = get_model(None)
        elif isinstance(self.model, str):
            self.model = get_model(self.model)
        return self.model

    def component_data(self) -> dict[str, Any]:
        """Return what a new session keeps of this component (format §2.3)."""
        model = self.chat_model()
        return super().component_data() | {"model": {"id": model.id, "name": model.name, "provider": model.provider}}

    def own_functions(self) -> dict[str, Function]:
        """Return the tools it was given, by name; its hooks go around those that have none of their own."""
        functions = functions_of(self.tools or ())
        if not self.tool_hooks:
            return functions
        hooks = list(self.tool_hooks)
        return {
            name: function if function.tool_hooks else function.changed(tool_hooks=hooks)
            for name, function in functions.items()
        }

    def told_tools(self, request: RunRequest) -> list[Function]:
        """Return the tools whose own instructions go into the system message."""
        return [function for function in self.own_functions().values() if function.add_instructions]

    def add_tool(self, tool: Any) -> None:
        """Give it one more tool."""
        self.tools = [*(self.tools or ()), tool]

    def set_tools(self, tools: Sequence[Any]) -> None:
        """Give it these tools instead of those it has."""
        self.tools = list(tools)

    @property
    def puts_summary_in_context(self) -> bool:
        """Whether the session's summary is part of the instructions: by default, when summaries are made."""
        wanted = self.add_session_summary_to_context
        return self.enable_session_summaries if wanted is None else wanted
