"""How due times and what stands over a run are shown."""

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agentos.catalog.models import CatalogRun
from sessions_ui.presenters.moderating import Over
from sessions_ui.rendering.run_marks import drawn_run_marks
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


@register.simple_tag
def run_marks(over: Over, run: CatalogRun, user: Any) -> SafeString:
    """Show what people put over a run of the session, and its thumbs: `{% run_marks over view.row user %}`."""
    return drawn_run_marks(run, over.flags, over.thumbs, user.pk, over.flag_url)


def _span(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
