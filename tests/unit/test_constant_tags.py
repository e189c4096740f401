"""Tags that are looked up or drawn when a template is read."""

import pytest
from django.template import Context, Template
from django.template.base import TextNode
from django.urls import NoReverseMatch, reverse, set_script_prefix

from sessions_ui.templatetags.sessions import icon


def shown(text: str, **context: object) -> str:
    return Template(text).render(Context(context))


def test_an_icon_is_text() -> None:
    template = Template('{% icon "close" classes="small" %}')
    assert [type(node) for node in template.nodelist] == [TextNode]
    assert template.render(Context()) == icon("close", classes="small")


def test_an_icon_of_a_variable_is_not() -> None:
    assert shown("{% icon name %}", name="close") == icon("close")
    assert shown('{% icon "close"|upper %}') == icon("CLOSE")
    assert shown('{% icon "close" as drawn %}<{{ drawn }}>') == f"<{icon('close')}>"


def test_an_address() -> None:
    assert shown('{% url "sessions" %}') == reverse("sessions")
    assert shown("{% url name %}", name="search") == reverse("search")
    assert shown('{% url "session" "lab" "x" %}') == reverse("session", args=["lab", "x"])
    assert shown('{% url "sessions" as there %}<{{ there }}>') == f"<{reverse('sessions')}>"
    assert shown('{% url "nowhere" as there %}<{{ there }}>') == "<>"


def test_no_such_address() -> None:
    with pytest.raises(NoReverseMatch):
        shown('{% url "nowhere" %}')


def test_an_address_under_a_prefix() -> None:
    template = Template('{% url "sessions" %}')
    assert template.render(Context()) == "/sessions/"
    set_script_prefix("/tools/")
    try:
        assert template.render(Context()) == "/tools/sessions/"
    finally:
        set_script_prefix("/")
