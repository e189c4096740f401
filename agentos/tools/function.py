"""A tool as a model sees it and as it is called: Agno's `Function`."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

from agentos.tools.caching import Results
from agentos.tools.schema import closed, without
from agentos.tools.signature import Signature

__all__ = ["Function"]

Json = dict[str, Any]


class _Derived:
    """A field that is worked out of the entrypoint when it is first read, unless it was given."""

    def __init__(self, work_out: Callable[["Function"], Any]) -> None:
        self.work_out = work_out
        self.key = ""

    def __set_name__(self, owner: type, name: str) -> None:
        """Keep the value beside the other fields, under a name of its own."""
        self.key = f"_{name}"

    @overload
    def __get__(self, function: None, owner: type) -> None: ...
    @overload
    def __get__(self, function: "Function", owner: type) -> Any: ...
    def __get__(self, function: "Function | None", owner: type) -> Any:
        """Return the value; asked of the class, the default of the constructor."""
        if function is None:
            return None
        if function.__dict__.get(self.key) is None:
            function.__dict__[self.key] = self.work_out(function)
        return function.__dict__[self.key]

    def __set__(self, function: "Function", value: Any) -> None:
        """Keep what was given; None stands for "work it out"."""
        function.__dict__[self.key] = value


@dataclass(eq=False)
class Function:
    """One tool. Fields are Agno's; `description` and `parameters` (JSON schema) are the entrypoint's if not given.

    `cache_ttl` is in seconds. With `skip_entrypoint_processing` arguments reach the entrypoint unchecked. `asks` is set
    on a tool that only asks somebody: "user_feedback" or "user_input".
    """

    name: str
    description: _Derived = _Derived(lambda function: function.signature.description if function.signature else "")
    parameters: _Derived = _Derived(lambda function: function.derived_parameters())
    entrypoint: Callable[..., Any] | None = None
    strict: bool | None = None
    instructions: str | None = None
    add_instructions: bool = True
    show_result: bool = False
    stop_after_tool_call: bool = False
    requires_confirmation: bool | None = None
    requires_user_input: bool | None = None
    user_input_fields: list[str] | None = None
    user_input_schema: list[Any] | None = None
    external_execution: bool | None = None
    external_execution_silent: bool | None = None
    approval_type: str | None = None
    pre_hook: Callable[..., Any] | None = None
    post_hook: Callable[..., Any] | None = None
    tool_hooks: list[Callable[..., Any]] | None = None
    cache_results: bool = False
    cache_dir: str | None = None
    cache_ttl: int = 3600
    title: str | None = None
    annotations: Json | None = None
    has_side_effects: bool | None = None
    skip_entrypoint_processing: bool = False
    asks: str | None = None
    results: Results = field(default_factory=Results, init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be waited for at once.

        Raises:
            ValueError: more than one of confirmation, user input and external execution.
        """
        waits = [self.requires_confirmation, self.requires_user_input, self.external_execution]
        if sum(map(bool, waits)) > 1:
            raise ValueError(
                f"The tool {self.name!r} can require confirmation, user input or external execution, one of the three."
            )
        if self.user_input_fields and not self.requires_user_input:
            raise ValueError(f"The tool {self.name!r} has user_input_fields, so it needs requires_user_input=True.")

    @classmethod
    def from_callable(cls, c: Callable[..., Any], name: str | None = None, strict: bool = False) -> "Function":
        """Return the tool that calls `c`, under the callable's name unless another is given."""
        return cls(name=name or name_of(c), entrypoint=c, strict=strict or None)

    def changed(self, **fields: Any) -> "Function":
        """Return a copy with these fields set; nothing that was kept of results goes along."""
        made = copy.copy(self)
        made.__dict__.pop("signature", None)
        made.results = Results()
        for name, value in fields.items():
            setattr(made, name, value)
        return made

    @cached_property
    def signature(self) -> Signature | None:
        """What the entrypoint wants to be called with; None for a tool without one, which is carried out elsewhere."""
        return Signature(self.entrypoint) if self.entrypoint else None

    def derived_parameters(self) -> Json:
        """Return the schema of what a model has to fill in: not what a person is to fill in."""
        if self.signature is None:
            return {"type": "object", "properties": {}, "required": []}
        return without(self.signature.schema(), self.user_input_fields or [])

    def convert(self, arguments: Json) -> Json:
        """Return the arguments as the entrypoint takes them.

        Raises:
            BadArguments: it cannot be called with them.
        """
        if self.signature is None or self.skip_entrypoint_processing:
            return arguments
        return self.signature.convert(arguments)

    def to_dict(self) -> Json:
        """Return name, description and parameters as they are sent, and what the tool waits for."""
        waits: Json = {
            "requires_confirmation": bool(self.requires_confirmation),
            "external_execution": bool(self.external_execution),
        }
        return {"name": self.name, "description": self.description, "parameters": self.parameters, **waits}

    def to_wire(self) -> Json:
        """Return it as an entry of a request's `tools`."""
        function: Json = {"name": self.name, "description": self.description or "", "parameters": self.parameters}
        if self.strict:
            schema = {"properties": {}, **self.parameters}
            function |= {"strict": True, "parameters": closed(schema)}
        return {"type": "function", "function": function}


def name_of(target: Callable[..., Any]) -> str:
    """Return what a callable is called; a partial has the name of what it calls, an object that of its class."""
    inner = getattr(target, "func", target)
    return str(getattr(inner, "__name__", None) or type(inner).__name__)
