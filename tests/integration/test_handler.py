"""The handler: a page in one thread, streams and static files in the loop."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path, reverse

from agentos.handler import Handler, is_for_the_loop
from tests.conftest import Person

LEFT: list[str] = []


def where(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{threading.current_thread().name} {request.method} {request.body.decode()}")


def forever(request: HttpRequest) -> StreamingHttpResponse:
    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"on and on "
                await asyncio.sleep(0)
        finally:
            LEFT.append("left")

    return StreamingHttpResponse(pieces())


def breaks(request: HttpRequest) -> StreamingHttpResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"so far"
        raise ZeroDivisionError

    return StreamingHttpResponse(pieces())


async def in_the_loop(request: HttpRequest) -> HttpResponse:
    return HttpResponse(threading.current_thread().name)


def asks(request: HttpRequest) -> HttpResponse:
    connection.ensure_connection()
    return HttpResponse("asked")


def fails(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


urlpatterns = [
    path("where/", where),
    path("forever/", forever),
    path("breaks/", breaks),
    path("loop/", in_the_loop),
    path("asks/", asks),
    path("fails/", fails),
]
bare = override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[])


def scope(address: str, method: str = "GET", cookie: str = "", root: str = "") -> dict[str, Any]:
    found, _, query = address.partition("?")
    headers = [(b"host", b"localhost"), (b"cookie", cookie.encode())]
    return {
        "type": "http", "method": method, "path": root + found, "raw_path": (root + found).encode(), "root_path": root,
        "query_string": query.encode(), "headers": headers, "scheme": "http", "http_version": "1.1",
    }  # fmt: skip


def answer(asked: dict[str, Any], body: bytes = b"", until: int = 10**9) -> list[dict[str, Any]]:
    """Ask a new handler; return the messages it sent. The client leaves after `until` of them."""

    async def ask() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        enough = asyncio.Event()
        given = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if given:
                return given.pop()
            await enough.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            if len(sent) >= until:
                enough.set()

        application: Callable[..., Awaitable[None]] = Handler()
        await application(asked, receive, send)
        return sent

    return async_to_sync(ask)()


def text(sent: list[dict[str, Any]]) -> str:
    return b"".join(message.get("body", b"") for message in sent[1:]).decode()


@pytest.fixture
def site() -> Iterator[None]:
    with bare:
        yield


@pytest.mark.usefixtures("site")
class TestPage:
    def test_is_made_in_a_thread_of_the_handler(self) -> None:
        assert text(answer(scope("/where/", "POST"), b"posted")).startswith("page_0 POST posted")

    def test_goes_out_in_one_piece(self) -> None:
        assert len(answer(scope("/where/"))) == 2

    def test_leaves_no_connection_to_its_thread(self, transactional_db: None) -> None:
        handler, left = Handler(), []
        body = [{"type": "http.request", "body": b"", "more_body": False}]

        async def ask() -> None:
            async def receive() -> dict[str, Any]:
                return body[0]

            async def send(message: Any) -> None: ...

            await handler(scope("/asks/"), receive, send)

        async_to_sync(ask)()
        handler._threads.submit(lambda: left.append(connection.connection)).result()
        assert left == [None] or "mode=memory" in connection.settings_dict["NAME"]

    def test_a_body_without_end_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("agentos.handler.LARGEST_BODY", 1_000_000)
        sent = answer(scope("/where/", "POST"), b"x" * 1_000_001)
        assert sent[0]["status"] == 413 and "larger than 1 MB" in text(sent)
        assert answer(scope("/where/", "POST"), b"x" * 999_999)[0]["status"] == 200

    def test_a_fault_is_an_answer(self) -> None:
        assert answer(scope("/fails/"))[0]["status"] == 500

    def test_a_view_in_the_loop_stays_there(self) -> None:
        assert is_for_the_loop(scope("/loop/"))
        assert not text(answer(scope("/loop/"))).startswith("page")

    def test_under_a_prefix(self) -> None:
        assert is_for_the_loop(scope("/loop/", root="/tools"))
        assert text(answer(scope("/where/", root="/tools"))).startswith("page_0")


@pytest.mark.usefixtures("site")
class TestStream:
    def test_ends_when_its_reader_leaves(self) -> None:
        LEFT.clear()
        assert len(answer(scope("/forever/"), until=5)) >= 5
        assert LEFT == ["left"]

    def test_that_breaks_breaks_the_connection(self) -> None:
        with pytest.raises(ZeroDivisionError):
            answer(scope("/breaks/"))


class TestSite:
    def test_a_static_file(self) -> None:
        sent = answer(scope("/static/app.css"))
        assert sent[0]["status"] == 200
        assert (b"X-Content-Type-Options", b"nosniff") in sent[0]["headers"]
        assert "@layer" in text(sent)

    def test_a_page_passes_all_middleware(self, transactional_db: None) -> None:
        sent = answer(scope(reverse("sessions")))
        assert sent[0]["status"] == 302
        headers = dict(sent[0]["headers"])
        assert headers[b"X-Frame-Options"] == b"DENY"
        assert headers[b"Cache-Control"] == b"no-store"

    def test_a_page_of_somebody_signed_in(self, transactional_db: None, viewer: Person) -> None:
        cookie = f"sessionid={viewer.client.cookies['sessionid'].value}"
        assert viewer.user.username in text(answer(scope(reverse("sessions"), cookie=cookie)))

    @pytest.mark.parametrize("nothing", ["/nothing/", "//", "/sessions", "/\x00"])
    def test_an_address_of_nothing_is_a_page(self, transactional_db: None, nothing: str) -> None:
        assert not is_for_the_loop(scope(nothing))
        assert answer(scope(nothing))[0]["status"] in (301, 404)
