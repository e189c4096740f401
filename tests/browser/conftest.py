"""A real Chromium against the real ASGI application, served by uvicorn in a thread.

pytest-django's live_server is WSGI, which holds a stream back until it is whole; so this room has a server of its own.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.db import connections
from django.http import FileResponse, HttpRequest, HttpResponse
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, expect

from agentos.access.models import SignInLink
from agentos.handler import Handler
from tests.browser.find_chromium import MISSING, find_chromium
from tests.conftest import Person

# Playwright's synchronous API keeps an event loop in the main thread, where Django would refuse to touch the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

QUIET = (
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
START_SECONDS = 20


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the machine's Chromium: Playwright's own is never downloaded. Without one the tests fail, not skip."""
    path = find_chromium()
    if path is None:
        pytest.fail(f"{MISSING} `make test` installs it.", pytrace=False)
    return {**browser_type_launch_args, "executable_path": path, "args": list(QUIET)}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """The window that the design is drawn for."""
    return {**browser_context_args, "viewport": {"width": 1440, "height": 900}, "color_scheme": "light"}


class StaticFiles(ASGIStaticFilesHandler):
    """Serves static files, each read at once: one that a browser leaves half-way, Django would leave open."""

    def serve(self, request: HttpRequest) -> HttpResponse:
        """Return the whole file."""
        with closing(super().serve(request)) as found:
            content = found.getvalue() if isinstance(found, FileResponse) else found.content
            return HttpResponse(content, status=found.status_code, headers=found.headers)


@pytest.fixture
def server(transactional_db: None) -> Iterator[str]:
    """The application on a free port; returns its URL. Threads see the rows that tests commit."""
    config = uvicorn.Config(
        StaticFiles(Handler()),
        port=0,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    runner = uvicorn.Server(config)
    thread = threading.Thread(target=runner.run, name="test-server", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not runner.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            pytest.fail("The server did not start.")
        time.sleep(0.02)
    port = runner.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    runner.should_exit = True
    thread.join(10)
    connections.close_all()


class Watch:
    """What a page did that it must not do: errors in its console, blocked by the CSP, requests to elsewhere."""

    def __init__(self, home: str) -> None:
        self.home = urlsplit(home).netloc
        self.faults: list[str] = []

    def attach(self, page: Page) -> None:
        """Follow the page from now on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        page.on("request", self._request)

    def allow(self, part: str) -> None:
        """Forget the faults that contain `part`: a test that provokes one says so."""
        self.faults = [fault for fault in self.faults if part not in fault]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob") and url.netloc != self.home:
            self.faults.append(f"request to elsewhere: {request.url}")


@pytest.fixture
def watch(server: str, context: BrowserContext) -> Iterator[Watch]:
    """Fail the test if any of its pages misbehaved (see `Watch`)."""
    watching = Watch(server)
    context.on("page", watching.attach)
    yield watching
    assert watching.faults == []


class SignIn(Protocol):
    """Signs somebody in and returns the page."""

    def __call__(self, person: Person) -> Page:
        """Sign `person` in by a one-time link."""


@pytest.fixture
def sign_in(server: str, watch: Watch, context: BrowserContext) -> SignIn:
    """Sign a person of the cast in, as a newcomer does: open the link, press its button."""
    context.set_default_timeout(15_000)

    def signed_in(person: Person) -> Page:
        token = SignInLink.objects.all().issue(person.user)
        page = context.new_page()
        page.goto(f"{server}/sign-in/{token}/")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{server}/sessions/**")
        return page

    return signed_in


def settled(page: Page) -> None:
    """Wait until htmx has nothing under way: no request, no swap, no settling."""
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")).to_have_count(0)


def until(page: Page, expression: str, seconds: float = 10.0) -> None:
    """Wait until the JavaScript expression holds in the page.

    Playwright's own `wait_for_function` looks again with the page's `eval`, which our Content Security Policy forbids.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"after {seconds:g} s still not: {expression}"
        page.wait_for_timeout(20)


def assert_accessible(page: Page) -> None:
    """Fail with axe's report unless the page, as it now stands, has no violation."""
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
