"""The ASGI entry point. There is no WSGI one: answers are streamed, and WSGI servers hold a stream back whole."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentos.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402  # Django has to be set up

from agentos.handler import Handler  # noqa: E402  # Django has to be set up
from agentos.safe_start import check_key  # noqa: E402  # reads settings, so Django has to be set up
from agentos.turns.sweeping import keep_swept  # noqa: E402  # imports models, so Django has to be set up

check_key(settings.SECRET_KEY)
application = Handler()
keep_swept()
