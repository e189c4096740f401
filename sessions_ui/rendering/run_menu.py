"""What can be done from a run on: joined, not templated, for a page has one menu for each of its runs.

Its buttons belong to the forms of `components/run_menu.html`, which a page has once.
"""

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.urls import reverse
from django.utils.safestring import SafeString

from agentos.catalog.models import CatalogRun, CatalogSession
from sessions_ui.templatetags.sessions import icon, readable

if TYPE_CHECKING:
    from sessions_ui.presenters.session_acts import SessionActs


def drawn_run_menu(acts: "SessionActs", session: CatalogSession, run: CatalogRun, number: object) -> SafeString:
    """Return the menu of a run, of which `number` counts top-level ones; nothing for a run without an id."""
    if not run.run_id:
        return SafeString("")
    value, why_not = escape(readable(run.run_id)), escape(acts.fork)
    refused = f' disabled title="{why_not}"' if why_not else ""
    items = []
    if run.depth == 0:
        if number == session.top_level_run_count:
            again = _button("regenerate-form", value, refused, "Sending…", f"{_icon('model')} Regenerate")
            items.append(_item(again, why_not or "The same message once more. This answer is kept, and marked."))
        edit = f"{_icon('edit')} Edit and branch"
        address = reverse("session_branch", args=[session.source, session.quoted_id])
        link = f'<a class="button" href="{escape(address)}?run={escape(quote(run.run_id))}">{edit}</a>'
        control = f"<button{refused}>{edit}</button>" if refused else link
        items.append(_item(control, why_not or "Another message here, in a session of its own."))
    fork = _button("fork-form", value, refused, "Forking…", f"{_icon('fork')} Fork from here")
    items.append(_item(fork, why_not or "A session of its own, with everything up to this run."))
    return SafeString(
        f'<details class="run-menu" data-menu><summary class="icon-only" aria-label="More about run {number}">'
        f"{icon('more')}</summary><ul>{''.join(items)}</ul></details>"
    )


def _button(form: str, value: str, refused: str, busy: str, words: str) -> str:
    return f'<button form="{form}" name="run" value="{value}"{refused} data-busy="{busy}">{words}</button>'


def _item(control: str, hint: str) -> str:
    return f'<li>{control}<span class="hint">{hint}</span></li>'


def _icon(name: str) -> SafeString:
    return icon(name, classes="small")
