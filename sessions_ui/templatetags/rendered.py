"""Stored content in templates: `{% load rendered %}`. A value that is no text shows as its text, None as nothing."""

from collections.abc import Sequence
from re import Pattern
from typing import TYPE_CHECKING, Any

from django import template
from django.utils.safestring import SafeString

from agentos.catalog.models import CatalogRun, CatalogSession
from sessions_ui import rendering
from sessions_ui.rendering.content import drawn_content
from sessions_ui.rendering.conversation_items import drawn_items
from sessions_ui.rendering.json_tree import NODE_LIMIT
from sessions_ui.rendering.marking import marked as mark_found
from sessions_ui.rendering.room import Room, within
from sessions_ui.rendering.run_menu import drawn_run_menu
from sessions_ui.rendering.tool_lines import drawn_outcome, drawn_tools

if TYPE_CHECKING:
    from sessions_ui.presenters.contents import Content
    from sessions_ui.presenters.conversation import RunView
    from sessions_ui.presenters.session_acts import SessionActs
    from sessions_ui.presenters.tool_calls import ToolView

register = template.Library()


@register.filter
def markdown(value: Any) -> SafeString:
    """Show text as Markdown: `{{ message.content|markdown }}`."""
    return rendering.markdown(_text(value))


@register.filter
def plain(value: Any) -> SafeString:
    """Show text character by character: `{{ row.title|plain }}`."""
    return rendering.plain(_text(value))


@register.simple_tag
def code(value: Any, language: str = "") -> SafeString:
    """Show text as a block of code: `{% code call.arguments "json" %}`."""
    return rendering.code(_text(value), language)


@register.simple_tag
def json_tree(value: Any, open_depth: int = 1, limit: int = NODE_LIMIT) -> SafeString:
    """Show a JSON value as a tree: `{% json_tree session.session_state %}`; `limit` values of it."""
    return rendering.json_tree(value, open_depth, limit)


@register.filter
def markdown_within(value: Any, room: Room) -> SafeString:
    """Show text as Markdown as long as the page has room for its elements: `{{ text|markdown_within:room }}`."""
    return within(_text(value), room, rendering.markdown)


@register.filter
def plain_within(value: Any, room: Room) -> SafeString:
    """Show text character by character, as long as the page has room for the marks in it."""
    return within(_text(value), room, rendering.plain)


@register.filter
def json_within(value: Any, room: Room) -> SafeString:
    """Show text as a block of JSON, as long as the page has room for its elements."""
    return within(_text(value), room, lambda text: rendering.code(text, "json"))


@register.simple_block_tag
def marked(content: SafeString, looked_for: object) -> SafeString:
    """Mark what was looked for in the stored texts of a part of a page; without a pattern it stays as it is."""
    return mark_found(content, looked_for) if isinstance(looked_for, Pattern) else content


@register.simple_tag
def content(value: "Content", label: str) -> SafeString:
    """Show a text in the form that suits it: `{% content step.content "What the step returned" %}`."""
    return drawn_content(value, label)


@register.simple_tag
def tool_lines(
    tools: "Sequence[ToolView]", session: CatalogSession, run: CatalogRun | None = None, open_call: Any = None
) -> SafeString:
    """Show tool calls as lines that open: `{% tool_lines item.tools row view.row %}`."""
    return drawn_tools(tools, session, run, open_call if isinstance(open_call, int) else None)


@register.simple_tag
def conversation_items(
    session: CatalogSession, view: "RunView", room: Room, run_url: str, open_call: Any = None
) -> SafeString:
    """Show what was said and done in a run, within the page's room: `{% conversation_items row view room url %}`."""
    return drawn_items(session, view, room, run_url, open_call if isinstance(open_call, int) else None)


@register.simple_tag
def run_menu(acts: "SessionActs", session: CatalogSession, run: CatalogRun, number: object) -> SafeString:
    """Show what can be done from a run on: `{% run_menu acts row view.row view.number %}`."""
    return drawn_run_menu(acts, session, run, number)


@register.simple_tag
def outcome(tool: "ToolView") -> SafeString:
    """Show how a tool call ended."""
    return drawn_outcome(tool)


def _text(value: Any) -> str:
    try:
        return "" if value is None else str(value)
    except (RecursionError, ValueError):  # lists nested without end; integers of more than 4,300 digits
        return "(too deep or too long to show as text)"
