"""The link to a place in a run: joined, not templated, for a page has one beside each thing that was said or done."""

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.utils.safestring import SafeString

from sessions_ui.templatetags.sessions import icon

if TYPE_CHECKING:
    from sessions_ui.presenters.conversation import Item, RunView

HERE = '<span id="here"></span>'


def drawn_turn_link(view: "RunView", item: "Item") -> SafeString:
    """Return the link to an item, "" for one without a place; with the anchor of what was linked to, if it is that."""
    if not item.anchor:
        return SafeString("")
    address = escape(f"?run={quote(view.row.quoted_id)}&message={item.place}#{item.anchor}")
    return SafeString(
        f'<a class="turn-link" href="{address}" data-permalink'
        f' aria-label="Link to place {item.place} of run {view.number}">{icon("link", classes="small")}</a>'
        f"{HERE if item.is_marked else ''}"
    )
