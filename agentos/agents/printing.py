"""Runs on the terminal: what was asked, what was answered, as it comes."""

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentos.agents.chat import ChatComponent

# What the options of Agno's own printing mean only to its panels.
_IGNORED = (
    "markdown",
    "show_message",
    "show_reasoning",
    "show_full_reasoning",
    "console",
    "tags_to_include_in_markdown",
)


def print_sync(component: "ChatComponent", given: Any, stream: bool | None, options: dict[str, Any]) -> None:
    """Run and print; with `stream` word by word."""
    said = _Said(component, given, options)
    if not stream:
        said.whole(component.run(given, **options))
        return
    for event in component.run(given, stream=True, **options):
        said.piece(event)
    said.end()


async def print_async(component: "ChatComponent", given: Any, stream: bool | None, options: dict[str, Any]) -> None:
    """Like `print_sync`, on an event loop."""
    said = _Said(component, given, options)
    if not stream:
        said.whole(await component.arun(given, **options))
        return
    async for event in component.arun(given, stream=True, **options):
        said.piece(event)
    said.end()


class _Said:
    """What has been printed of one run."""

    def __init__(self, component: "ChatComponent", given: Any, options: dict[str, Any]) -> None:
        for name in _IGNORED:
            options.pop(name, None)
        self._begun = time.monotonic()
        self._write(f"▸ {given}\n\n")

    def whole(self, run: Any) -> None:
        self._write(run.content_text)
        self.end()

    def piece(self, event: Any) -> None:
        self._write(event.content if isinstance(event.content, str) else "")

    def end(self) -> None:
        self._write(f"\n\n({time.monotonic() - self._begun:.1f} s)\n\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
