"""What is the same on every page is made when a template is read, not each time it is shown.

`{% url "sessions" %}` is looked up once, and `{% icon "close" %}` is text from the beginning.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django import template
from django.template.base import FilterExpression, Node, Parser, TextNode, Token, Variable
from django.template.context import Context
from django.template.defaulttags import url as django_url
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.html import escape

from sessions_ui.templatetags import sessions

register = template.Library()


class FixedUrl(Node):
    """The address of a page that needs no arguments; with `as`, "" where there is no such page."""

    def __init__(self, name: str, target: str | None) -> None:
        self.name, self.target = name, target

    def render(self, context: Context) -> str:
        """Return the address, or put it into the context."""
        try:
            found = _address(self.name, get_script_prefix(), get_urlconf())
        except NoReverseMatch:
            if self.target is None:
                raise
            found = ""
        if self.target is None:
            return escape(found) if context.autoescape else found
        context[self.target] = found
        return ""


@lru_cache(200)
def _address(name: str, prefix: str, urlconf: str | None) -> str:
    return reverse(name, urlconf)


@register.tag
def url(parser: Parser, token: Token) -> Node:
    """Django's own tag, but for addresses without arguments."""
    node: Any = django_url(parser, token)
    if node.args or node.kwargs or not _is_fixed(node.view_name):
        return node  # type: ignore[no-any-return]  # templates are untyped
    return FixedUrl(str(node.view_name.var), node.asvar)


def _drawn_once(name: str) -> None:
    compiled: Callable[[Parser, Token], Any] = sessions.register.tags[name]

    def tag(parser: Parser, token: Token) -> Node:
        node = compiled(parser, token)
        if node.target_var or not all(map(_is_fixed, [*node.args, *node.kwargs.values()])):
            return node  # type: ignore[no-any-return]  # templates are untyped
        given = {key: value.var for key, value in node.kwargs.items()}
        return TextNode(str(node.func(*[value.var for value in node.args], **given)))

    register.tag(name, tag)


def _is_fixed(value: FilterExpression) -> bool:
    return not isinstance(value.var, Variable) and not value.filters


for _name in ("icon", "glyph"):
    _drawn_once(_name)
