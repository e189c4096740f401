"""What was said and done in a run, as HTML: joined, not templated, for a session's page has up to a hundred of them.

Every stored text passes `plain`, `short_text`, or `within` the page's room; everything else here is ours or a number.
"""

from collections.abc import Callable
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Final

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from agentos.catalog.models import CatalogSession
from sessions_ui import rendering
from sessions_ui.rendering.list_rows import short_text
from sessions_ui.rendering.room import Room, within
from sessions_ui.rendering.tool_lines import drawn_tools
from sessions_ui.rendering.turn_links import drawn_turn_link
from sessions_ui.templatetags.sessions import hour, icon, kind_icon

if TYPE_CHECKING:
    from sessions_ui.presenters.conversation import Item, RunView

_NAME: Final = 60
_as_json: Final = partial(rendering.code, language="json")


def drawn_items(
    session: CatalogSession, view: "RunView", room: Room, run_url: str, open_call: int | None = None
) -> SafeString:
    """Return the items of a run's view; `run_url` is the page of the run, `open_call` the call that is linked to."""
    drawn = _Drawn(session, view, room, run_url, open_call)
    return SafeString("".join(map(drawn.item, view.items)))


class _Drawn:
    """The items of one run being drawn."""

    def __init__(
        self, session: CatalogSession, view: "RunView", room: Room, run_url: str, open_call: int | None
    ) -> None:
        self._session, self._view, self._room, self._open_call = session, view, room, open_call
        self._url = escape(run_url)
        self._kinds: dict[str, Callable[[Item], str]] = {
            "user": self._user,
            "reasoning": self._reasoning,
            "tools": self._tools,
            "steps": self._steps,
            "structured": self._structured,
        }

    def item(self, item: "Item") -> str:
        return self._kinds.get(item.kind, self._agent)(item)

    def _turn(self, item: "Item", who: str, said: str, classes: str = "") -> str:
        marked = " is-marked" if item.is_marked else ""
        anchor = f' id="{item.anchor}"' if item.anchor else ""
        return f'<div class="turn{classes}{marked}"{anchor}><div class="who">{who}</div>{said}</div>'

    def _user(self, item: "Item") -> str:
        media = {"media": item.media, "row": self._session, "run": self._view.row}
        shown = render_to_string("sessions_ui/components/media.html", media) if item.media else ""
        text = f'<div class="stored pre">{self._text(item, rendering.plain)}</div>'
        by = self._view.by.asked
        sent = f'<p class="acted">{icon("operator")} Sent by {_person(by)}, in the user\'s name</p>' if by else ""
        said = f'<div class="said">{text}{self._cut(item)}{shown}{sent}</div>'
        return self._turn(item, f"{icon('user')} {_name(item, 'User')}{self._at(item)}", said, " by-user")

    def _agent(self, item: "Item") -> str:
        by = self._view.by.answered
        chip = '<p><span class="tag">Not yet seen by the agent</span></p>' if by and self._view.not_seen else ""
        text = f'<div class="stored">{self._text(item, rendering.markdown)}</div>{self._cut(item)}'
        said = f'<div class="said">{text}{chip}</div>'
        if by:
            who = f"{icon('operator')} {_person(by)}{self._at(item)}"
            return self._turn(item, f'{who}<span class="at">operator</span>', said, " by-operator hatched")
        who = f"{kind_icon(self._view.row.kind)} {_name(item, 'Agent')}{self._at(item)}"
        return self._turn(item, who, said, " by-agent")

    def _reasoning(self, item: "Item") -> str:
        is_open = " open" if item.is_marked else ""
        shown = f'<div class="stored">{self._text(item, rendering.markdown)}</div>{self._cut(item)}'
        fold = f'<details class="fold"{is_open}><summary>Reasoning</summary>{shown}</details>'
        return self._turn(item, self._link(item), fold)

    def _tools(self, item: "Item") -> str:
        opened = self._open_call if item.is_marked else None
        lines, left = drawn_tools(item.tools, self._session, self._view.row, opened), item.calls_left_out
        own_page = f'<a href="{self._url}">the run\'s own page</a>'
        more = f'<p class="hint">{left:,} more calls are on {own_page}.</p>' if left else ""
        return self._turn(item, self._link(item), f'<div class="said">{lines}{more}</div>')

    def _steps(self, item: "Item") -> str:
        steps = render_to_string("sessions_ui/components/steps.html", {"steps": item.steps, "row": self._session})
        return self._turn(item, f"{icon('workflow')} <b>Steps</b>", f'<div class="said">{steps}</div>')

    def _structured(self, item: "Item") -> str:
        said = f'<div class="said">{self._text(item, _as_json)}{self._cut(item)}</div>'
        return self._turn(item, f"{kind_icon(self._view.row.kind)} {_name(item, '')}", said)

    def _text(self, item: "Item", render: Callable[[str], SafeString]) -> SafeString:
        return within(item.text.text, self._room, render)

    def _cut(self, item: "Item") -> str:
        if not item.text.is_cut:
            return ""
        link = f'<a href="{self._url}">Show all on the run page</a>'
        return f'<p class="hint">Cut: {item.text.total:,} characters. {link}</p>'

    def _at(self, item: "Item") -> str:
        time = hour(item.created_at) if item.created_at else ""
        return f'<span class="at">{time}{drawn_turn_link(self._view, item)}</span>'

    def _link(self, item: "Item") -> str:
        return f'<span class="at">{drawn_turn_link(self._view, item)}</span>'


def _name(item: "Item", unnamed: str) -> str:
    return f"<b><bdi>{short_text(item.who, _NAME) if item.who else unnamed}</bdi></b>"


def _person(name: str) -> str:
    return f"<b><bdi>{short_text(name, _NAME)}</bdi></b>"
