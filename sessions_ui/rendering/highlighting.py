"""Source code as HTML: Pygments classes, never inline styles."""

import re
from functools import cache

from django.utils.safestring import SafeString
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import find_lexer_class_by_name
from pygments.token import STANDARD_TYPES

from sessions_ui.rendering.text import Marks, escape_clipped, prepare

CODE_LIMIT = 20_000
"""Characters that are highlighted; longer code is shown plain."""

LINE_LIMIT = 400
"""Characters in one line that are highlighted: lexers slow down with the length of a line, not of a text."""

CODE_CLASSES = frozenset(filter(None, STANDARD_TYPES.values()))
"""Every class a highlighted token can have."""

LANGUAGES = frozenset(
    """bash sh shell console python py python3 json javascript js typescript ts jsx tsx html xml css scss sql
    postgresql yaml yml toml ini kotlin go rust rs c cpp c++ ruby rb php swift diff dockerfile docker
    makefile nginx graphql powershell http""".split()
)
"""What models write often. Pygments knows 500 more languages, and each is one more grammar to attack.

Java and C# are not among them: their lexers take seconds for 10,000 characters of words without punctuation.
"""

_LONG_LINE = re.compile(rf"[^\n]{{{LINE_LIMIT}}}")
_FORMATTER = HtmlFormatter(nowrap=True)


def code(text: str, language: str = "") -> SafeString:
    """Return code as a `<pre class="code">`, highlighted when its language is known and its size allows it."""
    marks = Marks()
    return marks.finish(highlight_block(prepare(text, marks), language))


def highlight_block(prepared: str, language: str) -> str:
    """Return prepared text as a code block; its marks are still to be finished."""
    return f'<pre class="code"><code>{_highlight(prepared, language)}</code></pre>'


def _highlight(prepared: str, language: str) -> str:
    name = language.lower()
    if name not in LANGUAGES or len(prepared) > CODE_LIMIT or _LONG_LINE.search(prepared):
        return escape_clipped(prepared)
    try:
        return str(highlight(prepared, _lexer_class(name)(stripnl=False, ensurenl=False), _FORMATTER))
    except RecursionError:  # a lexer that calls other lexers, on code made to nest
        return escape_clipped(prepared)


# The class, not a lexer: some lexers keep the state of a text in themselves, and pages are rendered in several threads.
_lexer_class = cache(find_lexer_class_by_name)
