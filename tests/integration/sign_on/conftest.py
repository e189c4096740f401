"""A provider, the settings that name it, and somebody who signs in by it as a browser would."""

import html
import http.client
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.oidc_provider import CLIENT_ID, SECRET, Provider

START = "/sign-in/oidc/"
ROLES = "chiefs=admin, support=operator, audit=viewer"


def point_at(settings: Any, provider: Provider) -> None:
    """Set sign-in by this provider up."""
    settings.AGENTOS_OIDC_ISSUER = provider.issuer
    settings.AGENTOS_OIDC_CLIENT_ID, settings.AGENTOS_OIDC_CLIENT_SECRET = CLIENT_ID, SECRET
    settings.AGENTOS_OIDC_ROLES = ROLES


@pytest.fixture
def provider(settings: Any, monkeypatch: pytest.MonkeyPatch, db: None) -> Iterator[Provider]:
    monkeypatch.setenv("NO_PROXY", "*")
    made = Provider()
    point_at(settings, made)
    yield made
    made.stop()


class Traveller:
    """A browser on its way: off to the provider, which signs it in at once, and back."""

    def __init__(self) -> None:
        self.client = Client()

    def depart(self, then: str = "") -> str:
        """Press the button; return the provider's address that the page goes on to."""
        page = self.client.post(START, {"next": then})
        assert page.status_code == 200, page.text
        found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page.text)
        assert found is not None
        return html.unescape(found[1])

    def visit(self, address: str) -> str:
        """Ask the provider; return the path of ours that it sends the browser back to."""
        url = urlsplit(address)
        line = http.client.HTTPConnection(url.netloc, timeout=10)
        line.request("GET", f"{url.path}?{url.query}")
        location = line.getresponse().getheader("Location") or ""
        line.close()
        back = urlsplit(location)
        assert back.netloc == "testserver" and back.scheme == "http"
        return f"{back.path}?{back.query}"

    def travel(self, then: str = "") -> Any:
        """Go all the way; return our last answer."""
        return self.client.get(self.visit(self.depart(then)))

    @property
    def user(self) -> User | None:
        """Who this browser is signed in as."""
        key = self.client.session.get("_auth_user_id")
        return User.objects.get(pk=key) if key else None


@pytest.fixture
def traveller(provider: Provider) -> Traveller:
    return Traveller()
