"""Serves a table of the first 50 sessions: a Django view and template without middleware, queries or anything else.

python bench/bare.py PORT        (with the environment of our server)
"""

import sys
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent))
from scale import set_up

ROWS: Final = 50
# As one would write it first: the columns that our list begins with, each by a variable and a filter.
TEMPLATE: Final = """{% load humanize %}<!DOCTYPE html>
<html lang="en">
  <head><meta charset="utf-8"><title>Sessions</title></head>
  <body>
    <table>
      <thead>
        <tr><th>Session</th><th>Agent</th><th>User</th><th>Runs</th><th>Tools</th><th>Tokens</th><th>Cost</th>
          <th>Duration</th><th>Updated</th></tr>
      </thead>
      <tbody>
        {% for row in rows %}
          <tr{% if row.error_count %} class="failed"{% endif %}>
            <td><a href="/sessions/{{ row.source|urlencode }}/{{ row.session_id|urlencode }}/">{{ row.title }}</a>
              <span>{{ row.preview|truncatechars:140 }}</span></td>
            <td>{{ row.component_name|default:"unknown" }}</td>
            <td>{{ row.user_id|default:"no user" }}</td>
            <td>{{ row.top_level_run_count|intcomma }}</td>
            <td>{{ row.tool_call_count|intcomma }}</td>
            <td>{{ row.total_tokens|default_if_none:"unknown"|intcomma }}</td>
            <td>{{ row.cost|floatformat:3 }}</td>
            <td>{{ row.duration|floatformat:1 }}</td>
            <td>{{ row.updated|date:"j M Y, H:i" }}</td>
          </tr>
        {% endfor %}
      </tbody>
    </table>
  </body>
</html>
"""


def rows() -> list[dict[str, Any]]:
    """Return the first rows of the list, read once."""
    from datetime import UTC, datetime

    from agentos.catalog.models import CatalogSession

    found = list(CatalogSession.objects.order_by("-updated_at", "-id").values()[:ROWS])
    return [row | {"updated": datetime.fromtimestamp(row["updated_at"], UTC)} for row in found]


def main() -> None:
    """Read the rows, then serve them until the process is ended."""
    set_up()
    import uvicorn
    from django.conf import settings
    from django.core.handlers.asgi import ASGIHandler
    from django.http import HttpRequest, HttpResponse
    from django.template import Context, Template
    from django.urls import path

    import agentos.urls

    template, shown = Template(TEMPLATE), {"rows": rows()}

    def bare(request: HttpRequest) -> HttpResponse:
        return HttpResponse(template.render(Context(shown)))

    patterns: list[Any] = agentos.urls.urlpatterns
    patterns.insert(0, path("bare/", bare))
    settings.MIDDLEWARE = []
    uvicorn.run(
        ASGIHandler(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off"
    )


if __name__ == "__main__":
    main()
