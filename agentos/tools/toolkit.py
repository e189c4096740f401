"""Tools that belong together, and how what an agent is given becomes functions by name."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import MethodType
from typing import Any

from agentos.tools.function import Function, name_of
from agentos.tools.signature import Signature

__all__ = ["Toolkit", "functions_of"]


class Toolkit:
    """A named group of tools; subclasses register their methods. Keywords are Agno's.

    `functions` has the tools by name; `async_functions` those given as `async_tools`, used where there is no other of
    the name. `instructions` join an agent's system message when `add_instructions` is set.
    """

    def __init__(
        self,
        name: str = "toolkit",
        id: str | None = None,
        tools: Sequence[Callable[..., Any] | Function] | None = None,
        async_tools: Sequence[tuple[Callable[..., Any], str]] | None = None,
        instructions: str | None = None,
        add_instructions: bool = False,
        include_tools: list[str] | None = None,
        exclude_tools: list[str] | None = None,
        requires_confirmation_tools: list[str] | None = None,
        external_execution_required_tools: list[str] | None = None,
        stop_after_tool_call_tools: list[str] | None = None,
        show_result_tools: list[str] | None = None,
        cache_results: bool = False,
        cache_ttl: int = 3600,
        cache_dir: str | None = None,
        timeout: int | None = None,
        auto_register: bool = True,
    ) -> None:
        self.name = name
        self.id = id
        self.tools = list(tools or ())
        self.async_tools = list(async_tools or ())
        self.functions: dict[str, Function] = {}
        self.async_functions: dict[str, Function] = {}
        self.instructions = instructions
        self.add_instructions = add_instructions
        self.include_tools = include_tools
        self.exclude_tools = exclude_tools
        self.requires_confirmation_tools = requires_confirmation_tools or []
        self.external_execution_required_tools = external_execution_required_tools or []
        self.stop_after_tool_call_tools = stop_after_tool_call_tools or []
        self.show_result_tools = show_result_tools or []
        self.cache_results = cache_results
        self.cache_ttl = cache_ttl
        self.cache_dir = cache_dir
        self.timeout = timeout
        self._check_names()
        if auto_register:
            self._register_all()

    def register(self, function: Callable[..., Any] | Function, name: str | None = None) -> None:
        """Add a tool, unless it is left out by `include_tools` or `exclude_tools`; a registered name is replaced."""
        self._put(self.functions, function, name)

    def get_functions(self) -> dict[str, Function]:
        """Return the tools by name."""
        return self.functions

    def get_async_functions(self) -> dict[str, Function]:
        """Return the tools by name, asynchronous ones first."""
        return {**self.functions, **self.async_functions}

    def _register_all(self) -> None:
        for item in self.tools:
            self.register(item)
        for function, name in self.async_tools:
            self._put(self.async_functions, function, name)

    def _put(self, into: dict[str, Function], function: Callable[..., Any] | Function, name: str | None) -> None:
        made = function if isinstance(function, Function) else Function.from_callable(function)
        made = self._with_options(self._bound(made), name or made.name)
        if self._is_wanted(made.name):
            into[made.name] = made

    def _bound(self, function: Function) -> Function:
        """Return a method that was decorated in the class as a method of this object."""
        entrypoint = function.entrypoint
        if (
            entrypoint is None
            or inspect.ismethod(entrypoint)
            or next(iter(Signature(entrypoint).parameters), "") != "self"
        ):
            return function
        return function.changed(entrypoint=MethodType(entrypoint, self))

    def _with_options(self, function: Function, name: str) -> Function:
        options: dict[str, Any] = {"name": name}
        if name in self.requires_confirmation_tools:
            options["requires_confirmation"] = True
        if name in self.external_execution_required_tools:
            options["external_execution"] = True
        if name in self.stop_after_tool_call_tools:
            options["stop_after_tool_call"] = options["show_result"] = True
        if name in self.show_result_tools:
            options["show_result"] = True
        if self.cache_results:
            options |= {"cache_results": True, "cache_ttl": self.cache_ttl, "cache_dir": self.cache_dir}
        return function.changed(**options)

    def _is_wanted(self, name: str) -> bool:
        return (self.include_tools is None or name in self.include_tools) and name not in (self.exclude_tools or ())

    def _check_names(self) -> None:
        """Refuse to include or leave out what is not there: a typing error would hand a model the wrong tools."""
        given = [item.name if isinstance(item, Function) else name_of(item) for item in self.tools]
        known = {*given, *(name for _, name in self.async_tools)}
        for option, names in (("include_tools", self.include_tools), ("exclude_tools", self.exclude_tools)):
            if missing := [name for name in names or () if name not in known]:
                raise ValueError(f"The toolkit {self.name!r} has no tool {', '.join(missing)}, which {option} names.")


def functions_of(tools: Iterable[Any]) -> dict[str, Function]:
    """Return all functions by name: toolkits opened, callables wrapped; the first of a name wins.

    Raises:
        TypeError: something that is no tool.
    """
    found: dict[str, Function] = {}
    for item in tools:
        for function in _opened(item):
            found.setdefault(function.name, function)
    return found


def _opened(item: Any) -> Iterator[Function]:
    if isinstance(item, Toolkit):
        yield from item.functions.values()
        yield from item.async_functions.values()
    elif isinstance(item, Function):
        yield item
    elif callable(item):
        yield Function.from_callable(item)
    else:
        raise TypeError(f"A tool is a function, a Function or a Toolkit, not {type(item).__name__}.")
