"""Tells how far a long piece of work is: one line that is rewritten on a terminal, a line now and then elsewhere."""

import shutil
import time
from collections import deque
from typing import Any, Final

from agentos.catalog.freshness import roughly

# Seconds that rates are taken over: long enough to be steady, short enough to be true of now.
_WINDOW: Final = 30.0
_BAR: Final = 24


class Progress:
    """The progress of one pass over a source, on `out`, a command's stdout."""

    def __init__(self, out: Any, name: str) -> None:
        self._out = out
        self._name = name
        self._is_terminal: bool = out.isatty()
        self._marks: deque[tuple[float, int, int]] = deque([(time.monotonic(), 0, 0)])
        self._sessions = self._runs = self._length = 0

    def add(self, sessions: int, runs: int) -> None:
        """Count what was done since the last time."""
        self._sessions += sessions
        self._runs += runs
        now = time.monotonic()
        self._marks.append((now, self._sessions, self._runs))
        while len(self._marks) > 2 and now - self._marks[0][0] > _WINDOW:
            self._marks.popleft()

    def tell(self, done: int, total: int | None) -> None:
        """Say that so many sessions of so many are done, at what rate, and how long the others will take."""
        self._write(", ".join([f"{self._name}: {self._bar(done, total)}{_of(done, total)}", *self._rates(done, total)]))

    def say(self, words: str) -> None:
        """Say something else in the place of the line."""
        self._write(f"{self._name}: {words}")

    def clear(self) -> None:
        """Make room for other lines."""
        if self._is_terminal and self._length:
            self._out.write(f"\r{' ' * self._length}\r", ending="")
            self._length = 0

    def _rates(self, done: int, total: int | None) -> list[str]:
        began, sessions, runs = self._marks[0]
        seconds = time.monotonic() - began
        rate = (self._sessions - sessions) / seconds if seconds > 0 else 0.0
        if not rate:
            return []
        told = [f"{rate:,.0f} sessions/s", f"{(self._runs - runs) / seconds:,.0f} runs/s"]
        return [*told, f"{roughly((total - done) / rate)} left"] if total is not None and total > done else told

    def _bar(self, done: int, total: int | None) -> str:
        if not self._is_terminal or not total:
            return ""
        filled = min(_BAR, _BAR * done // total)
        return f"[{'#' * filled}{'.' * (_BAR - filled)}] "

    def _write(self, line: str) -> None:
        if not self._is_terminal:
            self._out.write(line)
            return
        line = line[: shutil.get_terminal_size().columns - 1]
        self._out.write(f"\r{line}{' ' * (self._length - len(line))}", ending="")
        self._out.flush()
        self._length = len(line)


def _of(done: int, total: int | None) -> str:
    return f"{done:,} of {'an unknown number of' if total is None else f'{total:,}'} sessions"
