"""Rows of a session's run tree as HTML: joined, not templated, as the list's rows are, for there may be a hundred.

Every stored text passes `short_text`; everything else written here is ours or a number.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote

from django.utils.html import escape
from django.utils.safestring import SafeString

from agentos.catalog.models import CatalogRun
from agentos.records import NOBODY, ByPerson, readable
from sessions_ui.rendering.list_rows import PATH_SAFE, short_text
from sessions_ui.templatetags.sessions import duration, glyph, icon, kind_icon

_DEEPEST = 6
_glyph = lru_cache(256)(glyph)
_kind = lru_cache(256)(kind_icon)


def drawn_tree(runs: Iterable[CatalogRun], base: str, people: Mapping[str, ByPerson]) -> SafeString:
    """Return an item of a list for each run, in their order; `base` is the address of the session, quoted.

    `people`: what they wrote of which runs, by id.
    """
    address = escape(base)
    return SafeString("".join(_row(run, address, people.get(run.run_id or "", NOBODY)) for run in runs))


def _row(run: CatalogRun, base: str, by: ByPerson) -> str:
    person = _person(by) if by.words else ""
    return (
        f'<li><a class="tree-row depth-{min(run.depth, _DEEPEST)}" href="{base}runs/{_quoted(run)}/">'
        f"{_kind(run.kind)} {_glyph(run.status)}"
        f'<bdi class="name">{short_text(run.component, 50) or "unnamed"}</bdi> '
        f'{person}<bdi class="remark">{short_text(run.input_preview, 60)}</bdi>'
        f'<span class="took">{duration(run.duration)}</span></a></li>'
    )


def _person(by: ByPerson) -> str:
    """Say in a few words who wrote it, in all when it is pointed at: a row has little room."""
    name = f"by {by.answered}" if by.answered else f"sent by {by.asked}"
    whole = escape(readable(by.words))
    return f'<span class="by-person" title="{whole}">{icon("operator")} <bdi>{short_text(name, 60)}</bdi></span> '


def _quoted(run: CatalogRun) -> str:
    return str(escape(quote(run.quoted_id, safe=PATH_SAFE)))
