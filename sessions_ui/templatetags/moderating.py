"""How due times and what stands over a run are shown."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agentos.catalog.models import CatalogRun
from sessions_ui.templatetags.sessions import local_moment

register = template.Library()


@register.filter
def due(value: datetime) -> SafeString:
    """Show a due time as "due in 49 min" or "2 h late", the moment itself in the title."""
    seconds = (value - timezone.now()).total_seconds()
    words = f"due in {_span(seconds)}" if seconds >= 0 else f"{_span(-seconds)} late"
    moment = local_moment(value)
    told = f"{moment:%Y-%m-%d %H:%M}" if moment is not None else ""
    style = "due" if seconds >= 0 else "due is-late"
    return format_html('<time class="{}" datetime="{}" title="{}">{}</time>', style, value.isoformat(), told, words)


@register.filter
def at_run(found: Iterable[Any], run: CatalogRun) -> list[Any]:
    """Return the flags, notes or thumbs that are on this run or on a message of it."""
    names = {run.run_id or f"~{run.ordinal}"}
    return [one for one in found if one.run_id in names]


@register.filter
def by_person(found: Iterable[Any], user: Any) -> Any:
    """Return the first of these that the person made, None for none."""
    return next((one for one in found if one.by_id == user.pk), None)


@register.filter
def with_value(found: Iterable[Any], is_up: bool) -> int:
    """Return how many thumbs point up, or down."""
    return sum(one.is_up is bool(is_up) for one in found)


def _span(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
