"""The columns of the list: which there are, which are shown, and what sorts by them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from agentos.catalog.paging import SORTS

if TYPE_CHECKING:
    from sessions_ui.presenters.list_state import ListState


@dataclass(frozen=True)
class Kind:
    """A column there may be: its head, its style, and the order that its head asks for ("" for none)."""

    label: str
    classes: str
    sort: str = ""


COLUMNS: Final = {
    "title": Kind("Session", "title", "title"),
    "component": Kind("Agent", "agent", "component"),
    "user": Kind("User", "user", "user"),
    "source": Kind("Source", "source"),
    "model": Kind("Model", "model"),
    "tags": Kind("Tags", "tags"),
    "health": Kind("Data health", "health"),
    "runs": Kind("Runs", "runs", "runs"),
    "messages": Kind("Messages", "messages num", "messages"),
    "tools": Kind("Tools / err", "toolcalls num", "tools"),
    "errors": Kind("Errors", "failed num", "errors"),
    "tokens": Kind("Tokens", "tokens num", "tokens"),
    "tokens_in": Kind("Tokens in", "tokens num", "tokens_in"),
    "tokens_out": Kind("Tokens out", "tokens num", "tokens_out"),
    "cost": Kind("Cost", "cost num", "cost"),
    "duration": Kind("Duration", "duration num", "duration"),
    "size": Kind("Size", "size num", "size"),
    "created": Kind("Created", "created num", "created"),
    "updated": Kind("Updated", "updated num", "updated"),
}
DEFAULT_COLUMNS: Final = (
    "title", "component", "user", "runs", "tools", "tokens", "cost", "duration", "updated",
)  # fmt: skip
# Texts read from their beginning, numbers from their largest.
ASCENDING_FIRST: Final = ("title", "component", "user", "name")
_OTHER_ORDERS: Final = {"tool_errors": "failed tool calls"}


@dataclass(frozen=True)
class Head:
    """A column's head: a link that sorts by it, the other way round if it is sorted by already; no `url`, no order."""

    label: str
    classes: str
    url: str
    aria_sort: str


@dataclass(frozen=True)
class Choice:
    """A column to choose."""

    name: str
    label: str
    chosen: bool


def clean_columns(said: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that a URL or a form names, in the order of the table; the usual ones if it names none."""
    named = {name for text in said for name in text[:500].split(",")}
    return (
        tuple(name for name in COLUMNS if name in named or name == "title") if named & set(COLUMNS) else DEFAULT_COLUMNS
    )


def heads(state: "ListState") -> list[Head]:
    """Return the heads of the columns that are shown."""
    return [head(COLUMNS[name], state) for name in state.columns]


def head(kind: Kind, state: "ListState") -> Head:
    """Return the head of a column of a list in this state."""
    now, descending = state.sort.removeprefix("-"), state.sort.startswith("-")
    down = not descending if kind.sort == now else kind.sort not in ASCENDING_FIRST
    aria = ("descending" if descending else "ascending") if kind.sort and kind.sort == now else ""
    url = replace(state, sort=f"-{kind.sort}" if down else kind.sort).url() if kind.sort else ""
    return Head(kind.label, kind.classes, url, aria)


def choices(state: "ListState") -> list[Choice]:
    """Return the columns to choose from; the title is always there."""
    return [Choice(name, kind.label, name in state.columns) for name, kind in COLUMNS.items() if name != "title"]


def order_words(sort: str) -> str:
    """Return the order in words."""
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    if name in ("updated", "created"):
        words = "newest first" if descending else "oldest first"
        return words if name == "updated" else f"{words} by creation"
    label = _OTHER_ORDERS.get(name) or next(kind.label.lower() for kind in COLUMNS.values() if kind.sort == name)
    if name in ASCENDING_FIRST:
        return f"by {label}, {'from the end' if descending else 'from A'}"
    return f"by {label}, {'most' if descending else 'least'} first"


def orders(sort: str) -> list[tuple[str, str]]:
    """Return the orders to choose from, the present one among them, each with its words."""
    names = [name if name in ASCENDING_FIRST else f"-{name}" for name in SORTS]
    return [(name, order_words(name).capitalize()) for name in (names if sort in names else [sort, *names])]
