"""The ASGI entry point. There is no WSGI one: answers are streamed, and WSGI servers hold a stream back whole."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentos.settings")
django.setup(set_prefix=False)

from agentos.handler import Handler  # noqa: E402  # Django has to be set up
from agentos.turns.sweeping import keep_swept  # noqa: E402  # likewise

application = Handler()
keep_swept()
