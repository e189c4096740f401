"""One call of one function: its hooks around it, what it asks for filled in, its arguments checked."""

import asyncio
import copy
import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agentos.tools.awaiting import Waiter
from agentos.tools.calls import Injected
from agentos.tools.exceptions import AgentRunException
from agentos.tools.function import Function
from agentos.tools.signature import INJECTED, takes

__all__ = ["FunctionCall"]

logger = logging.getLogger(__name__)


@dataclass
class FunctionCall:
    """A call under way; hooks get it as `fc`. A pre_hook may change `arguments`; `error` is the text of a failure."""

    function: Function
    arguments: dict[str, Any]
    injected: Injected = field(repr=False)
    waiter: Waiter = field(repr=False)
    call_id: str | None = None
    result: Any = None
    error: str | None = None
    raised: AgentRunException | None = field(default=None, repr=False)

    def carry_out(self) -> None:
        """Call the function between its hooks. Nothing is raised: what fails is in `error` and `raised`."""
        try:
            self.arguments = copy.deepcopy(self.arguments)
            self._hook(self.function.pre_hook)
            self.result = self._chain(tuple(self.function.tool_hooks or ()))(**copy.deepcopy(self.arguments))
        except Exception as error:
            self._fail(error)
        try:
            self._hook(self.function.post_hook)
        except AgentRunException as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.result, self.error = None, str(error) or type(error).__name__
        self.raised = error if isinstance(error, AgentRunException) else None
        if self.raised is None:
            logger.warning("The tool %s failed: %s", self.function.name, self.error, exc_info=error)

    def _hook(self, hook: Callable[..., Any] | None) -> None:
        """Call a pre_hook or post_hook. Such hooks watch: only what ends or corrects the run gets out of them."""
        if hook is None:
            return
        try:
            self.waiter.settle(hook(**takes(hook, {"fc": self, **vars(self.injected)})))
        except AgentRunException:
            raise
        except Exception:
            logger.warning("A hook of the tool %s failed.", self.function.name, exc_info=True)

    def _chain(self, hooks: tuple[Callable[..., Any], ...]) -> Callable[..., Any]:
        """Return the function with the tool hooks around it, the first outermost."""
        if not hooks:
            return self._enter
        hook, inner = hooks[0], self._chain(hooks[1:])

        def called(**arguments: Any) -> Any:
            within = _awaitable(inner) if _is_async(hook) else inner
            offered = {**vars(self.injected), "fc": self}
            offered |= dict.fromkeys(("function_name", "name"), self.function.name)
            offered |= dict.fromkeys(("function_call", "function", "func"), within)
            offered |= dict.fromkeys(("arguments", "args"), arguments)
            return self.waiter.settle(hook(**takes(hook, offered)))

        return called

    def _enter(self, **arguments: Any) -> Any:
        """Call the entrypoint itself, or find what it answered before.

        Raises:
            BadArguments: it cannot be called with these.
        """
        function = self.function
        offered = self._offered()
        # What depends on more than the arguments, on the user's state above all, is never handed to the next one.
        is_cached = function.cache_results and not offered
        if is_cached and (found := function.results.find(arguments, function.cache_ttl)):
            return found[0]
        if function.entrypoint is None:
            raise TypeError(f"The tool {function.name!r} has no function to call.")
        result = self.waiter.settle(function.entrypoint(**function.convert(arguments), **offered))
        if is_cached:
            function.results.keep(arguments, result)
        return result

    def _offered(self) -> dict[str, Any]:
        """Return what the entrypoint asks for by the names of its parameters."""
        named = self.function.signature.parameters if self.function.signature else {}
        return {name: value for name, value in vars(self.injected).items() if name in INJECTED and name in named}


def _is_async(hook: Callable[..., Any]) -> bool:
    # Not whether it can be called, which B004 is about, but how: an object's own __call__ may be a coroutine function.
    return inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(getattr(hook, "__call__", None))  # noqa: B004  # a hook may be an object with an asynchronous __call__


def _awaitable(inner: Callable[..., Any]) -> Callable[..., Any]:
    """Return what an async hook can await: the call goes on in a thread, so that the hook's loop stays free."""

    async def called(**arguments: Any) -> Any:
        return await asyncio.to_thread(inner, **arguments)

    return called
