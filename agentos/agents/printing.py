"""Runs on the terminal: what was asked, what was answered, as it comes."""

import sys
import time
from typing import Any, ClassVar, Final

# What the options of Agno's own printing mean only to its panels.
_IGNORED: Final = (
    *("markdown", "show_message", "show_reasoning", "show_full_reasoning", "console", "tags_to_include_in_markdown"),
    *("show_time", "show_step_details"),
)


class Said:
    """What is printed of one run; `events`: whether a stream has to have all its events for that."""

    events: ClassVar[bool] = False

    def __init__(self, given: Any) -> None:
        self._begun = time.monotonic()
        self.write(f"▸ {given}\n\n")

    def whole(self, run: Any) -> None:
        """Print a run that has ended."""
        self.write(run.content_text)

    def piece(self, event: Any) -> None:
        """Print what an event says; a team's members speak to their leader, who answers."""
        if event.parent_run_id is None and isinstance(event.content, str):
            self.write(event.content)

    def end(self) -> None:
        """Print how long it took."""
        self.write(f"\n\n({time.monotonic() - self._begun:.1f} s)\n\n")

    def write(self, text: str) -> None:
        """Print at once, without a line's end."""
        sys.stdout.write(text)
        sys.stdout.flush()


def print_sync(component: Any, given: Any, said: Said, stream: bool | None, options: dict[str, Any]) -> None:
    """Run and print; with `stream` word by word."""
    chosen = {name: value for name, value in options.items() if name not in _IGNORED}
    if stream:
        for event in component.run(given, stream=True, stream_events=said.events, **chosen):
            said.piece(event)
    else:
        said.whole(component.run(given, stream=False, **chosen))
    said.end()


async def print_async(component: Any, given: Any, said: Said, stream: bool | None, options: dict[str, Any]) -> None:
    """Like `print_sync`, on an event loop."""
    chosen = {name: value for name, value in options.items() if name not in _IGNORED}
    if stream:
        async for event in component.arun(given, stream=True, stream_events=said.events, **chosen):
            said.piece(event)
    else:
        said.whole(await component.arun(given, stream=False, **chosen))
    said.end()
