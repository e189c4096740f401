"""`@tool`: a function with its options."""

from collections.abc import Callable
from typing import Any, overload

from agentos.tools.function import Function, name_of

__all__ = ["tool"]


@overload
def tool(target: Callable[..., Any], /) -> Function: ...
@overload
def tool(**options: Any) -> Callable[[Callable[..., Any]], Function]: ...
def tool(target: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a tool of a function, with or without options: those of `Function`, and `name` for another name.

    Raises:
        TypeError: an option that `Function` does not have.
        ValueError: options that exclude each other.
    """
    unknown = [
        name for name in options if name not in Function.__dataclass_fields__ or name in ("entrypoint", "results")
    ]
    if unknown:
        raise TypeError(f"@tool has no option {', '.join(unknown)}.")

    def make(entrypoint: Callable[..., Any]) -> Function:
        given = {name: value for name, value in options.items() if value is not None}
        if given.get("stop_after_tool_call"):
            given.setdefault("show_result", True)
        return Function(**{"name": name_of(entrypoint), "entrypoint": entrypoint, **given})

    return make if target is None else make(target)
