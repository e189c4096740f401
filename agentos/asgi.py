"""The ASGI entry point. There is no WSGI one: answers are streamed, and WSGI servers hold a stream back whole."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentos.settings")
application = get_asgi_application()
