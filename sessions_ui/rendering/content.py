"""A text in the form that suits it as HTML: tree, table, difference, Markdown, code or as stored.

Joined, not templated: the page of a session has dozens of them, two for each tool call. Every stored text passes
`plain`, `markdown`, `code` or `json_tree`; everything else written here is ours or a number.
"""

from html import escape
from typing import TYPE_CHECKING

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from sessions_ui import rendering
from sessions_ui.rendering.list_rows import short_text

if TYPE_CHECKING:
    from sessions_ui.presenters.contents import Content

_OPEN_LEVELS = 2
_COLUMN = 80
_EMPTY = '<p class="hint">Empty.</p>'


def drawn_content(content: "Content", label: str) -> SafeString:
    """Return a text as it is shown; `label` names it for those who hear the page."""
    match content.kind:
        case "tree":
            return rendering.json_tree(content.value, _OPEN_LEVELS)
        case "table":
            return SafeString(_table(content, label))
        case "diff":
            return render_to_string("sessions_ui/components/diff.html", {"lines": content.lines, "label": label})
        case "markdown":
            return SafeString(f'<div class="stored">{rendering.markdown(content.clipped.text)}</div>')
        case "code":
            return rendering.code(content.clipped.text, content.language)
        case "empty":
            return SafeString(_EMPTY)
        case _:
            return SafeString(_as_stored(content, label))


def _table(content: "Content", label: str) -> str:
    head = "".join(f'<th scope="col"><bdi>{short_text(column, _COLUMN)}</bdi></th>' for column in content.columns)
    cells = ("".join(f"<td><bdi>{rendering.plain(cell)}</bdi></td>" for cell in row) for row in content.rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    left = content.rows_left_out
    more = f'<p class="hint">{left:,} more row{"" if left == 1 else "s"}.</p>' if left else ""
    return (
        f'<div class="cells" tabindex="0" role="group" aria-label="{escape(label)} as a table"><table class="plain">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}"
    )


def _as_stored(content: "Content", label: str) -> str:
    text = rendering.plain(content.clipped.text)
    return f'<pre class="raw-text" tabindex="0" role="group" aria-label="{escape(label)} as stored">{text}</pre>'
