"""What people put over a run, and how they rate it: joined, not templated, for a page has one for each of its runs."""

from html import escape
from urllib.parse import quote

from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from agentos.catalog.models import CatalogRun
from agentos.moderation.models import Flag, Thumb
from sessions_ui.rendering.text import plain
from sessions_ui.templatetags.sessions import icon

# The form of the page that thumbs belong to.
FORM = "thumbs"


def drawn_run_marks(run: CatalogRun, flags: list[Flag], thumbs: list[Thumb], reader: int, flag_url: str) -> SafeString:
    """Return the flags of a run, two thumbs, and a link that flags it, unless `flag_url` is "".

    `flags` and `thumbs` are those of the session; `reader` is the key of who reads the page.
    """
    name = run.run_id or f"~{run.ordinal}"
    parts = ['<div class="run-marks">', *(_flag(one) for one in flags if one.run_id == name)]
    given = [one for one in thumbs if one.run_id == name]
    mine = next((one.is_up for one in given if one.by_id == reader), None)
    for is_up, word in ((True, "Good answer"), (False, "Bad answer")):
        parts.append(_thumb(run, is_up, word, mine is is_up, sum(one.is_up is is_up for one in given)))
    if flag_url:
        address = escape(f"{flag_url}?run={quote(run.quoted_id)}")
        parts.append(
            f'<a class="thumb" href="{address}" data-sheet="Flag" aria-label="Flag this run">{_icon("flag")}</a>'
        )
    return SafeString("".join([*parts, "</div>"]))


def _thumb(run: CatalogRun, is_up: bool, word: str, is_mine: bool, number: int) -> str:
    way = "up" if is_up else "down"
    value = escape(f"{'none' if is_mine else way} {run.quoted_id}")
    said = f", said by {number}" if number else ""
    return (
        f'<button class="thumb" form="{FORM}" name="thumb" value="{value}" aria-pressed="{str(is_mine).lower()}"'
        f' aria-label="{word}{said}" title="{word}">{_icon(f"thumb-{way}")}{number or ""}</button>'
    )


def _flag(flag: Flag) -> str:
    message = f", message {flag.message}" if flag.message is not None else ""
    return (
        f'<span class="stamp-label">{_icon("flag")} <span>Flagged, “<bdi>{plain(flag.reason)}</bdi>”{message} '
        f'<span class="quiet"><bdi>{plain(flag.actor)}</bdi> {localtime(flag.at):%H:%M}</span></span></span>'
    )


def _icon(name: str) -> SafeString:
    return icon(name, classes="small")
