"""Tool calls as lines that open, as HTML: joined, not templated, for a session's page has up to a hundred of them.

Every stored text passes `short_text`, `plain` or `drawn_content`; everything else written here is ours or a number.
"""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils.safestring import SafeString

from agentos.catalog.models import CatalogRun, CatalogSession
from sessions_ui.rendering import plain
from sessions_ui.rendering.content import drawn_content
from sessions_ui.rendering.list_rows import short_text
from sessions_ui.templatetags.sessions import duration, glyph, icon, readable, status

if TYPE_CHECKING:
    from sessions_ui.presenters.contents import Content
    from sessions_ui.presenters.tool_calls import ToolView

_NAME: Final = 80


def drawn_tools(
    tools: "Sequence[ToolView]", session: CatalogSession, run: CatalogRun | None, open_call: int | None = None
) -> SafeString:
    """Return the calls as lines, that of number `open_call` open; with their run they lead to pages of their own."""
    address = "" if run is None else tool_address(session, run)
    lines = "".join(_line(tool, run, address, is_open=tool.number == open_call) for tool in tools)
    at_once = len(tools) > 1
    label = f'<p class="at-once-label">{len(tools)} calls at once</p>' if at_once else ""
    return SafeString(f'{label}<div class="tools{" at-once" if at_once else ""}">{lines}</div>')


def tool_address(session: CatalogSession, run: CatalogRun) -> str:
    """Return what the addresses of the run's calls begin with, escaped: its number and a slash make one."""
    whole = reverse("tool_call", args=[session.source, session.quoted_id, run.quoted_id, 0])
    return escape(whole.removesuffix("0/"))


def drawn_outcome(tool: "ToolView") -> SafeString:
    """Return how a call ended: a glyph and a word."""
    match tool.status:
        case "ok":
            word = "Empty result" if tool.is_empty else "Completed"
            mark = glyph("COMPLETED", always=True)
            return SafeString(f'<span class="status status-completed">{mark} {word}</span>')
        case "error":
            return status("ERROR")
        case "waiting":
            return SafeString(f'<span class="status status-paused">{glyph("PAUSED")} Needs a decision</span>')
        case "rejected":
            return SafeString(f'<span class="status">{glyph("CANCELLED")} Rejected</span>')
        case _:
            return SafeString(f'<span class="status unknown">{icon("bad")} Not stored</span>')


def _line(tool: "ToolView", run: CatalogRun | None, address: str, *, is_open: bool) -> str:
    prefix = f"run-{run.ordinal}-" if run is not None else ""
    own = f"{address}{tool.number}/" if address else ""
    return (
        f'<details class="tool{" is-error" if tool.is_error else ""}"{" open" if is_open else ""}'
        f' id="{prefix}call-{tool.number}"><summary>{icon("tool")} <span class="call">'
        f"<b><bdi>{short_text(tool.name, _NAME)}</bdi></b><bdi>({plain(tool.brief)})</bdi></span>"
        f'<span class="outcome">{_attempts(tool)}{drawn_outcome(tool)}{_took(tool)}</span></summary>'
        f'{_apart(tool, own)}<div class="tool-body">{_arguments(tool, own)}{_result(tool, own)}</div>'
        f"{_answered(tool)}{_foot(tool, own, address)}</details>"
    )


def _attempts(tool: "ToolView") -> str:
    said = f"attempt {tool.attempt} of {tool.attempts}"
    return f'<span class="quiet">{said}</span> ' if tool.attempts > 1 else ""


def _took(tool: "ToolView") -> str:
    return f" {duration(tool.duration)}" if tool.duration is not None else ""


def _apart(tool: "ToolView", own: str) -> str:
    if not tool.held_apart:
        return ""
    load = f' <a href="{own}#result">Load</a>' if own else ""
    lines, size = plain(str(tool.held_apart.lines)), plain(str(tool.held_apart.size))
    return f'<p class="apart">Result held apart, {lines} lines, {size}{load}</p>'


def _arguments(tool: "ToolView", own: str) -> str:
    return f'<div><p class="label">Arguments</p>{_content(tool.arguments, "Arguments", own)}</div>'


def _result(tool: "ToolView", own: str) -> str:
    label = "Error" if tool.is_error else "Preview of the result" if tool.held_apart else "Result"
    stored = tool.result
    shown = '<p class="hint">No result is stored.</p>' if stored is None else _content(stored, "Result", own)
    return f'<div><p class="label">{label}</p>{shown}</div>'


def _content(content: "Content", label: str, own: str) -> str:
    shown = drawn_content(content, label)
    if not content.is_cut:
        return shown
    link = f' <a href="{own}">Show all</a>' if own else ""
    return f'{shown}<p class="hint">Cut: {content.total:,} characters.{link}</p>'


def _answered(tool: "ToolView") -> str:
    if not (tool.answered or tool.note):
        return ""
    said = "".join(f"<bdi>{plain(sentence)}</bdi> " for sentence in tool.answered)
    note = f"Note: <bdi>{plain(tool.note)}</bdi>" if tool.note else ""
    return f'<p class="note">{icon("user")}<span>{said}{note}</span></p>'


def _foot(tool: "ToolView", own: str, address: str) -> str:
    if not own:
        return ""
    name = escape(readable(tool.name[:_NAME]))
    again = ""
    if tool.next_attempt is not None:
        ended = "worked" if tool.next_worked else "did not work either"
        again = f' <a href="{address}{tool.next_attempt}/">The next attempt {ended}</a>'
    return f'<p class="tool-foot"><a href="{own}" aria-label="Open the call of {name} by itself">Open</a>{again}</p>'
