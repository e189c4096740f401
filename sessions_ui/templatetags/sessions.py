"""How times, counts, statuses and kinds are shown. What is not known is said in a word; it is never 0."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import humanize
from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from agentos.records import as_datetime

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
_TICK, _GAP, _BASE = 3, 2, 14


@register.simple_tag
def icon(name: str, label: str = "", classes: str = "") -> SafeString:
    """Draw an icon of the sprite; with a label it is announced, without one it is decoration."""
    if label:
        body = '<svg class="icon {}" role="img" aria-label="{}"><use href="#i-{}"/></svg>'
        return format_html(body, classes, label, name)
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="#i-{}"/></svg>', classes, name)


@register.simple_tag
def kind_icon(kind: str) -> SafeString:
    """Draw what kind of component it is, announced by its word."""
    return icon(kind if kind in KINDS else "bad", KINDS.get(kind, "Unknown type"))


def status_name(value: str) -> str:
    """Return the style name of a stored status: one of Agno's in lower case, else "other"."""
    return value.lower() if value in STATUS_WORDS else "other"


@register.filter
def status_word(value: str) -> str:
    """Return the word for a stored status; one that is not Agno's is its own word."""
    return STATUS_WORDS.get(value, value) or "No status"


@register.simple_tag
def glyph(value: str) -> SafeString:
    """Draw a status, announced by its word. Success is silent: completed gives nothing."""
    if value in ("COMPLETED", ""):
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
    return format_html(body, status_name(value), status_word(value)[:40])


@register.filter
def ago(value: Any) -> SafeString:
    """Show unix seconds or a datetime as "3 minutes ago", the moment itself in the title. 0 and None are unknown."""
    moment = _moment(value)
    if moment is None:
        return UNKNOWN
    shown = humanize.naturaltime(datetime.now(UTC) - moment)
    return _time(moment, "now" if shown == "now" else shown)


@register.filter
def clock(value: Any) -> SafeString:
    """Show unix seconds or a datetime as day and time."""
    moment = _moment(value)
    return UNKNOWN if moment is None else _time(moment, f"{localtime(moment):%-d %b %Y, %H:%M:%S}")


@register.filter
def hour(value: Any) -> SafeString:
    """Show unix seconds as the time of day."""
    moment = _moment(value)
    return UNKNOWN if moment is None else _time(moment, f"{localtime(moment):%H:%M:%S}")


def _time(moment: datetime, shown: str) -> SafeString:
    local = localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', local.isoformat(), f"{local:%-d %b %Y, %H:%M:%S %Z}", shown
    )


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    # What humanize cannot subtract from now is as good as unknown.
    moment = as_datetime(value) if value else None
    return moment if moment is not None and 1971 <= moment.year <= 9000 else None


@register.filter
def tokens(value: Any) -> SafeString | str:
    """Show a count of tokens in three or four figures: 9,602, 41.2k, 1.25M."""
    if not isinstance(value, int):
        return UNKNOWN
    if abs(value) < 10_000:
        return f"{value:,}"
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if abs(value) >= size:
            scaled = value / size
            return f"{scaled:.0f}{unit}" if scaled >= 100 else f"{scaled:.1f}{unit}"
    return str(value)


@register.filter
def cost(value: Any) -> SafeString | str:
    """Show a cost in dollars."""
    return f"${value:,.3f}" if isinstance(value, int | float) else UNKNOWN


@register.filter
def duration(value: Any) -> SafeString | str:
    """Show seconds in the two units that matter: 350 ms, 1.9 s, 22 s, 4 min, 1 h 04."""
    if not isinstance(value, int | float) or value < 0:
        return UNKNOWN
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 90:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    if value < 5400:
        return f"{value / 60:.0f} min"
    return f"{int(value // 3600):,} h {int(value % 3600 // 60):02}"


@register.filter
def size(value: Any) -> SafeString | str:
    """Show bytes: 512 B, 84 kB, 1.2 MB."""
    return humanize.naturalsize(value, format="%.1f").replace(".0 ", " ") if isinstance(value, int) else UNKNOWN


@register.simple_tag
def run_strip(strip: Sequence[Any]) -> SafeString:
    """Draw a tick for each of the last runs, as high as the logarithm of its tokens; errors break the baseline."""
    ticks = [_tick(at, *entry) for at, entry in enumerate(strip) if isinstance(entry, list) and len(entry) == 2]
    if not ticks:
        return SafeString("")
    errors = sum(entry[0] == "ERROR" for entry in strip)
    name = f"Last {len(ticks)} runs" if len(ticks) > 1 else "One run"
    name += f", {errors} with an error" if errors else ""
    return format_html(
        '<svg class="strip" role="img" aria-label="{}" width="{}" height="20">{}</svg>',
        name,
        len(ticks) * (_TICK + _GAP),
        format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>', ticks),
    )


def _tick(at: int, value: str, used: Any) -> tuple[str, int, int, int, int]:
    tall = min(14, 4 + len(str(used)) * 2) if isinstance(used, int) and used > 0 else 4
    below = 4 if value in ("ERROR", "PAUSED") else 0
    style = {"ERROR": "tick-error", "RUNNING": "tick-running", "PAUSED": "tick-paused", "COMPLETED": "tick"}
    return style.get(value, "tick-hollow"), at * (_TICK + _GAP), _BASE - tall, _TICK, tall + below
