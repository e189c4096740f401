"""How times, counts, statuses and kinds are shown. What is not known is said in a word; it is never 0."""

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from html import escape
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import get_current_timezone, localtime

from agentos.catalog.keys import one_line, quote_id
from agentos.records import as_datetime
from agentos.records import readable as readable_text
from sessions_ui.rendering import plain
from sessions_ui.rendering.text import format_size

register = template.Library()

UNKNOWN = format_html('<span class="unknown">{}</span>', "unknown")
# Agno's statuses, with the word for each. Any other status is shown as it is stored.
STATUS_WORDS = {
    "COMPLETED": "Completed",
    "RUNNING": "Running",
    "PENDING": "Pending",
    "PAUSED": "Waiting",
    "ERROR": "Error",
    "CANCELLED": "Cancelled",
    "REGENERATED": "Regenerated",
}
KINDS = {"agent": "Agent", "team": "Team", "workflow": "Workflow", "bad": "Unreadable run"}
# The strip in pixels: a tick is 3 wide and 4 to 14 high above the baseline, by the logarithm of its tokens.
_TICK, _GAP, _BASE = 3, 2, 15
_LOW, _HIGH, _FULL_AT = 4, 14, 100_000
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BY_LOGARITHM = (_HIGH - _LOW) / math.log1p(_FULL_AT)
# From how many tokens on a tick is one pixel higher, and another.
_HIGHER_FROM = [math.ceil(math.expm1((more + 0.5) / _BY_LOGARITHM)) for more in range(_HIGH - _LOW)]
_NBSP = "\N{NO-BREAK SPACE}"
# Up to how many seconds a unit is used, its seconds, and what it is called.
_UNITS = ((60, 1, "s"), (3_600, 60, "min"), (86_400, 3_600, "h"))


@register.filter
def readable(value: Any) -> str:
    """Make stored text fit for an attribute, where half a surrogate pair cannot be sent and no control belongs.

    Beside tags, `|plain` does it.
    """
    return "" if value is None else _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", readable_text(str(value)))


@register.filter
def quoted_id(value: Any) -> str:
    """Return a stored id as it stands in a path: `{% url "run" row.source row.quoted_id step.run_id|quoted_id %}`."""
    return quote_id(str(value))


@register.simple_tag
@lru_cache(512)
def icon(name: str, label: str = "", classes: str = "") -> SafeString:
    """Draw an icon of the sprite; with a label it is announced, without one it is decoration."""
    if label:
        body = '<svg class="icon {}" role="img" aria-label="{}"><use href="#i-{}"/></svg>'
        return format_html(body, classes, label, name)
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="#i-{}"/></svg>', classes, name)


@register.simple_tag
@lru_cache(128)
def kind_icon(kind: str) -> SafeString:
    """Draw what kind of component it is, announced by its word."""
    return icon(kind if kind in KINDS else "bad", KINDS.get(kind, "Unknown type"))


def status_name(value: str) -> str:
    """Return the style name of a stored status: one of Agno's in lower case, else "other"."""
    return value.lower() if value in STATUS_WORDS else "other"


@register.filter
def status_word(value: str) -> str:
    """Return the word for a stored status; one that is not Agno's is its own word."""
    return STATUS_WORDS.get(value) or one_line(value, 40) or "No status"


@register.simple_tag
@lru_cache(256)
def glyph(value: str, *, always: bool = False) -> SafeString:
    """Draw a status, announced by its word. Success is silent: completed gives nothing, unless `always`."""
    if not value or (value == "COMPLETED" and not always):
        return SafeString("")
    body = '<svg class="glyph glyph-{0}" role="img" aria-label="{1}"><use href="#g-{0}"/></svg>'
    return format_html(body, status_name(value), status_word(value))


@register.simple_tag
def status(value: str) -> SafeString:
    """Draw a status with its word."""
    body = (
        '<span class="status status-{0}"><svg class="glyph glyph-{0}" aria-hidden="true"><use href="#g-{0}"/></svg>'
        "<bdi>{1}</bdi></span>"
    )
    return format_html(body, status_name(value), plain(status_word(value)[:40]))


@register.filter
def ago(value: Any) -> SafeString:
    """Show unix seconds or a datetime as "6 min ago", the moment itself in the title. 0 and None are unknown."""
    moment = local_moment(value)
    return UNKNOWN if moment is None else _time(moment, _since(moment))


@register.filter
def age(value: Any) -> SafeString:
    """Show how long ago unix seconds or a datetime are, as "4 s" or "6 min", the moment itself in the title."""
    moment = local_moment(value)
    if moment is None:
        return UNKNOWN
    seconds = max(0.0, (datetime.now(UTC) - moment).total_seconds())
    unit, word = next(((unit, word) for upto, unit, word in _UNITS if seconds < upto), (86_400, "d"))
    return _time(moment, f"{int(seconds // unit)}{_NBSP}{word}")


def _since(moment: datetime) -> str:
    """Return how long ago it was, from two days on the day itself. A clock that is ahead by a minute means now."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    if -60 < seconds < 5:
        return "now"
    for upto, unit, word in _UNITS:
        if 0 < seconds < upto:
            return f"{int(seconds // unit)}{_NBSP}{word} ago"
    return "yesterday" if 0 < seconds < 172_800 else _day(moment, moment.tzinfo)


@lru_cache(8192)
def _day(moment: datetime, zone: tzinfo | None) -> str:
    """Return the day of the moment. `zone`: as in `_opened`."""
    return f"{moment:%-d %b %Y}"


@register.filter
def clock(value: Any) -> SafeString:
    """Show unix seconds or a datetime as day and time."""
    moment = local_moment(value)
    return UNKNOWN if moment is None else _time(moment, f"{moment:%-d %b %Y, %H:%M:%S}")


@register.filter
def hour(value: Any) -> SafeString:
    """Show unix seconds as the time of day."""
    moment = local_moment(value)
    return UNKNOWN if moment is None else _time(moment, f"{moment:%H:%M:%S}")


def _time(moment: datetime, shown: str) -> SafeString:
    # Joined, not formatted: there is one in every row of the list. `shown` is one of our own words for the moment.
    return SafeString(f"{_opened(moment, moment.tzinfo)}{shown}</time>")


@lru_cache(8192)
def _opened(moment: datetime, zone: tzinfo | None) -> str:
    """Return the beginning of the element. `zone`: that of the moment, as moments of two zones may be equal."""
    title = escape(f"{moment:%-d %b %Y, %H:%M:%S %Z}")
    return f'<time datetime="{moment.isoformat()}" title="{title}">'


def local_moment(value: Any) -> datetime | None:
    """Return unix seconds or a datetime as a moment of the page's time zone, None for what is no time."""
    if type(value) is int:
        return _local_second(value, get_current_timezone())
    moment = value if isinstance(value, datetime) else as_datetime(value) if value else None
    # A year at the end of the calendar cannot be moved into every time zone.
    return localtime(moment) if moment is not None and 1971 <= moment.year <= 9000 else None


@lru_cache(8192)
def _local_second(value: int, zone: tzinfo) -> datetime | None:
    moment = as_datetime(value) if value else None
    return localtime(moment, zone) if moment is not None and 1971 <= moment.year <= 9000 else None


@register.filter
def tokens(value: Any) -> SafeString | str:
    """Show a count of tokens, in full up to four figures: 9,602, 41.2k, 118k, 1.9 M."""
    if not isinstance(value, int):
        return UNKNOWN
    if abs(value) < 10_000:
        return f"{value:,}"
    if abs(value) < 999_500:
        return _scaled(value / 1_000, "k")
    return _scaled(value / 1_000_000, f"{_NBSP}M")


def _scaled(value: float, unit: str) -> str:
    return f"{value:,.0f}{unit}" if abs(value) >= 99.95 else f"{value:.1f}{unit}"


@register.filter
def cost(value: Any) -> SafeString | str:
    """Show dollars: $0.384, $614.20. What would round to nothing is said to be less than the least shown."""
    if not isinstance(value, int | float):
        return UNKNOWN
    if 0 < value < 0.0005:
        return "<$0.001"
    return f"${value:,.2f}" if abs(value) >= 1 else f"${value:.3f}"


@register.filter
def duration(value: Any) -> SafeString | str:
    """Show seconds in the one or two units that matter: 412 ms, 2.9 s, 22 s, 38 min, 1 h 04."""
    if not isinstance(value, int | float) or value < 0:
        return UNKNOWN
    if 0 < value < 0.9995:
        return f"{value * 1000:.0f}{_NBSP}ms"
    if value < 89.5:
        return f"{value:.1f}{_NBSP}s" if 0 < value < 9.95 else f"{value:.0f}{_NBSP}s"
    minutes = round(value / 60)
    return f"{minutes}{_NBSP}min" if minutes < 60 else f"{minutes // 60:,}{_NBSP}h{_NBSP}{minutes % 60:02}"


@register.filter
def clock_mark(value: float) -> str:
    """Show seconds on a clock: 0 s, 250 ms, 1.5 s, 4 min."""
    return f"0{_NBSP}s" if value == 0 else str(duration(value)).replace(".0", "")


@register.filter
def size(value: Any) -> SafeString | str:
    """Show bytes: 512 B, 84 kB, 1.2 MB."""
    return format_size(value).replace(" ", _NBSP) if isinstance(value, int) else UNKNOWN


@register.simple_tag
def run_strip(strip: Sequence[Any]) -> SafeString:
    """Draw a tick for each of the last runs, `[status, tokens]`; errors break the baseline. The name is a sentence."""
    runs = [entry for entry in strip if isinstance(entry, list) and len(entry) == 2]
    if not runs:
        return SafeString("")
    values = [str(value or "") for value, _ in runs]
    words: Counter[str] = Counter()
    for value, count in Counter(values).items():
        words[status_word(value).lower()] += count
    name = f"Last {len(runs)} runs" if len(runs) > 1 else "One run"
    width = len(runs) * (_TICK + _GAP) - _GAP
    said = escape(", ".join(f"{count} {word}" for word, count in words.items()))
    ticks = "".join(
        [
            _drawn(at, value if value in STATUS_WORDS else "", _top(used))
            for at, (value, (_, used)) in enumerate(zip(values, runs, strict=True))
        ]
    )
    # Joined, not formatted: there is one in every row of the list. What is stored is in `said` alone.
    return SafeString(
        f'<svg class="strip" role="img" aria-label="{name}: {said}" width="{width}" height="20">'
        f'<path class="ground" d="M0 {_BASE}.5H{width}"/>{ticks}</svg>'
    )


def _top(used: Any) -> int:
    """Return where a tick begins, by the logarithm of its tokens."""
    return _BASE - _LOW - (bisect_right(_HIGHER_FROM, used) if isinstance(used, int) else 0)


@lru_cache(4096)
def _drawn(at: int, value: str, top: int) -> str:
    return "".join(f'<path class="{style}" d="{outline}"/>' for style, outline in _tick(at, value, top))


def _tick(at: int, value: str, top: int) -> Iterator[tuple[str, str]]:
    """Yield the marks of one run, each with its style and outline."""
    left, right = at * (_TICK + _GAP), at * (_TICK + _GAP) + _TICK
    solid = f"M{left} {top}H{right}V{{}}H{left}z"
    hollow = f"M{left + 0.5} {top + 0.5}H{right - 0.5}V{_BASE - 0.5}H{left + 0.5}z"
    match value:
        case "COMPLETED":
            yield "tick", solid.format(_BASE)
        case "ERROR":
            yield "tick-error", solid.format(_BASE + 4)
        case "RUNNING":
            yield "tick-running", solid.format(_BASE)
            yield "tick-running", f"M{left} {top - 3}h{_TICK}v1.5h-{_TICK}z"
        case "PAUSED":
            yield "tick-paused", hollow
            yield "tick-foot", f"M{left} {_BASE + 2}h{_TICK}v2h-{_TICK}z"
        case "CANCELLED":
            yield "tick-hollow", f"M{right} {top + 0.5}H{left + 0.5}V{_BASE - 0.5}H{right}"
        case "REGENERATED":
            yield "tick-hollow", hollow
        case _:
            yield "tick-dashed", hollow
