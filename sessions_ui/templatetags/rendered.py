"""Stored content in templates: `{% load rendered %}`. A value that is no text shows as its text, None as nothing."""

from re import Pattern
from typing import Any

from django import template
from django.utils.safestring import SafeString

from sessions_ui import rendering
from sessions_ui.rendering.json_tree import NODE_LIMIT
from sessions_ui.rendering.marking import marked as mark_found
from sessions_ui.rendering.room import Room, within

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


def _text(value: Any) -> str:
    try:
        return "" if value is None else str(value)
    except (RecursionError, ValueError):  # lists nested without end; integers of more than 4,300 digits
        return "(too deep or too long to show as text)"
