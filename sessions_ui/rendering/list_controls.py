"""The repeated parts of what stands round the list as HTML: the values of facets, the bars, what there is to choose.

A page has hundreds of them, and a template looks up and escapes each of their attributes by itself: joined, they take
a tenth of the time. Stored texts pass `short_text` or `escape`; everything else written here is ours or a number.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from django.utils.safestring import SafeString

from sessions_ui.templatetags.sessions import clock, glyph, kind_icon

if TYPE_CHECKING:
    from sessions_ui.presenters.columns import Choice
    from sessions_ui.presenters.facet_list import FacetGroup, Option
    from sessions_ui.presenters.histogram import DrawnBar


def drawn_facets(groups: Iterable["FacetGroup"]) -> SafeString:
    """Return the facets as groups of checkboxes."""
    return SafeString("".join(map(_group, groups)))


def _group(group: "FacetGroup") -> str:
    legend, over = escape(group.legend), f"{group.over:,}"
    partial = f' <small title="at least; counted over the {over} updated last">at least</small>' if group.over else ""
    find = (
        f'<input type="text" name="{escape(group.name)}" placeholder="Find, or an exact value" aria-label="{legend}:'
        ' find one in the list, or an exact value of another" maxlength="300" data-find>'
    )
    folded = f"<details><summary>{len(group.folded)} more</summary>{_options(group.folded)}</details>"
    return (
        f"<fieldset data-facet><legend>{legend}{partial}</legend>{find if group.find else ''}"
        f"{_options(group.options)}{folded if group.folded else ''}</fieldset>"
    )


def _options(options: "Sequence[Option]") -> str:
    return "".join(map(_option, options))


def _option(option: "Option") -> str:
    mark = glyph(option.status, always=True) if option.status else kind_icon(option.kind) if option.kind else ""
    return (
        f'<div class="option"><label><input type="checkbox" id="{escape(option.id)}" name="{escape(option.name)}"'
        f' value="{escape(option.value)}"{" checked" if option.chosen else ""}>{mark}<bdi>{option.shown}</bdi></label>'
        f'<button class="leave-out" name="not" value="{escape(option.term)}" title="Leave out">not</button>'
        f'<span class="n">{option.number}</span></div>'
    )


def drawn_bars(bars: "Iterable[DrawnBar]") -> SafeString:
    """Return the bars of the histogram, each with its errors in front."""
    return SafeString("".join(map(_bar, bars)))


def _bar(bar: "DrawnBar") -> str:
    drawn = _rect("bar", bar, bar.top, bar.height)
    return drawn + _rect("bad", bar, bar.error_top, bar.error_height) if bar.errors else drawn


def _rect(style: str, bar: "DrawnBar", top: float, height: float) -> str:
    style += " outside" if bar.outside else ""
    return f'<rect class="{style}" x="{bar.x:g}%" y="{top:g}" width="{bar.width:g}%" height="{height:g}" />'


def bar_rows(bars: "Iterable[DrawnBar]") -> SafeString:
    """Return the rows of the table that says in numbers what the bars show."""
    rows = (f"<tr><td>{clock(b.start)}</td><td>{b.count:,}</td><td>{b.errors:,}</td></tr>" for b in bars)
    return SafeString("".join(rows))


def drawn_orders(orders: Iterable[tuple[str, str]], now: str) -> SafeString:
    """Return the orders of a list, each with its words, as what a select chooses from."""
    return SafeString(
        "".join(
            f'<option value="{escape(name)}"{" selected" if name == now else ""}>{escape(words)}</option>'
            for name, words in orders
        )
    )


def drawn_columns(choices: "Iterable[Choice]") -> SafeString:
    """Return the columns to choose from as checkboxes."""
    return SafeString(
        "".join(
            f'<label><input type="checkbox" id="column-{one.name}" name="columns" value="{one.name}"'
            f"{' checked' if one.chosen else ''}> {escape(one.label)}</label>"
            for one in choices
        )
    )
