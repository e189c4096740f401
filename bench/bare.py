"""Serves the list's template with the rows of one moment: a Django view without middleware, queries or anything else.

python bench/bare.py PORT        (with the environment of our server)
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from scale import set_up


def context_of_list() -> tuple[Any, dict[str, Any]]:
    """Return the template of the list page, and what our own view shows in it to an administrator."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client
    from django.test.signals import template_rendered
    from django.test.utils import setup_test_environment

    setup_test_environment()
    client, shown = Client(), []
    client.force_login(User.objects.filter(is_superuser=True)[0])
    template_rendered.connect(
        lambda sender, template, context, **_: shown.append((template, dict(context.flatten()))), weak=False
    )
    assert client.get("/sessions/", headers={"host": settings.ALLOWED_HOSTS[0]}).status_code == 200
    template_rendered.receivers.clear()
    pages = [one for one in shown if one[0].name == "sessions_ui/sessions.html"]
    return pages[0]


def main() -> None:
    """Take the list page, then serve it until the process is ended."""
    set_up()
    import uvicorn
    from django.conf import settings
    from django.core.handlers.asgi import ASGIHandler
    from django.http import HttpRequest, HttpResponse
    from django.template import Context
    from django.urls import path

    import agentos.urls

    template, shown = context_of_list()

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
