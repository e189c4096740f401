import re
from pathlib import Path
from typing import Any

import pytest
from django.template import Context, Engine

ROOT = Path(__file__).resolve().parents[3]
# format_html escapes what is put into it and mark_safe may hold our own words: both only round a literal.
UNSAFE = re.compile(
    r"""\|\s*safe(seq)?\b|autoescape\s+off|__html__|Safe(String|Text)\(|(mark_safe|format_html(_join)?)\((?!\s*["'])"""
)
MAY_ESCAPE = {"sessions_ui/templatetags/sessions.py"}  # the sprite of icons and status marks: our own markup


@pytest.mark.parametrize(
    ("tag", "value", "html"),
    [
        ("{{ value|markdown }}", "**<b>**", "<p><strong>&lt;b&gt;</strong></p>\n"),
        ("{{ value|plain }}", "<b>\x00", "&lt;b&gt;␀"),
        ("{{ value|plain }}", None, ""),
        ("{{ value|plain }}", ["<b>"], "[&#x27;&lt;b&gt;&#x27;]"),
        pytest.param("{{ value|plain }}", 10**5_000, "(too deep or too long to show as text)", id="long"),
        ("{% code value 'text' %}", "<b>", '<pre class="code"><code>&lt;b&gt;</code></pre>'),
        ("{% json_tree value %}", "<b>", '<div class="json-tree"><span class="json-string">&lt;b&gt;</span></div>'),
    ],
)
def test_tags(tag: str, value: Any, html: str) -> None:
    engine = Engine(libraries={"rendered": "sessions_ui.templatetags.rendered"})
    assert engine.from_string("{% load rendered %}" + tag).render(Context({"value": value})) == html


@pytest.mark.parametrize(
    "source",
    ["{{ x|safe }}", "{{ x | safeseq }}", "{% autoescape off %}", "mark_safe(x)", "SafeString(x)", "format_html(x)"],
)
def test_the_search_finds(source: str) -> None:
    assert UNSAFE.search(source)


def test_nothing_else_makes_html_of_text() -> None:
    files = [*ROOT.glob("sessions_ui/**/*.py"), *ROOT.glob("agentos/**/*.py"), *ROOT.glob("templates/**/*.html")]
    found = {str(file.relative_to(ROOT)) for file in files if UNSAFE.search(file.read_text())}
    assert {name for name in found if not name.startswith("sessions_ui/rendering/")} <= MAY_ESCAPE
