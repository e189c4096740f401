"""Answers requests: views that are coroutines in the event loop, every other page in one thread from end to end.

Django's own handler takes each request to a thread and back for every middleware that is not a coroutine, about fifteen
times, and begins a thread for it (docs/adr/0015-a-page-in-one-thread.md).
"""

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, Final

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.core.signals import request_started
from django.db import close_old_connections
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve, set_script_prefix

from agentos.safe_start import NOT_HERE, may_answer

Scope = dict[str, Any]

# Pages in the making at once; others wait for one of them to be done.
THREADS: Final = 16
# Bytes of a request; the largest that any page takes is an import of 100 MB. A body is on disk, but not without end.
LARGEST_BODY: Final = 110_000_000


class Handler(ASGIHandler):
    """Django's handler, but middleware and view of a page that is a plain function all run in one thread.

    Views that are coroutines are answered as Django does it, and so are static files.
    """

    # A page goes to the server in one piece instead of many of 64 kB.
    chunk_size = 2**20

    def __init__(self) -> None:
        super().__init__()
        self._pages = BaseHandler()
        self._pages.load_middleware(is_async=False)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="page")

    async def handle(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer one request."""
        if not may_answer(scope):
            await _refuse(send, 403, NOT_HERE)
            return
        if is_for_the_loop(scope):
            await super().handle(scope, receive, send)
            return
        bounded = _Bounded(receive)
        try:
            body = await self.read_body(bounded)
        except RequestAborted:
            if bounded.is_exceeded:
                await _refuse(
                    send, 413, f"The request is larger than {LARGEST_BODY // 1_000_000} MB, so nothing was done."
                )
            return
        with body:
            run = contextvars.copy_context().run
            loop = asyncio.get_running_loop()
            response = await loop.run_in_executor(self._threads, run, self._answered, scope, body)
            if response.streaming:
                await self._stream(response, receive, send)
            else:
                await self.send_response(response, send)

    def _answered(self, scope: Scope, body: IO[bytes]) -> Any:
        """Return the answer; unless it streams it is complete and closed. The thread keeps no connection."""
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response: Any = refusal if request is None else self._pages.get_response(request)
        response._handler_class = self.__class__
        if response.streaming:
            close_old_connections()
        else:
            response.close()
        return response

    async def _stream(self, response: HttpResponseBase, receive: Any, send: Any) -> None:
        """Send an answer piece by piece, until there are no more, or nobody reads it.

        Raises:
            Exception: what the stream raised. The server then breaks the connection off.
        """
        sending = asyncio.create_task(self.send_response(response, send))
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            has_left = not sending.done()
            sending.cancel()
            leaving.cancel()
            ended, _ = await asyncio.gather(sending, leaving, return_exceptions=True)
            await sync_to_async(response.close)()
        if isinstance(ended, Exception) and not has_left:
            raise ended


class _Bounded:
    """A `receive` that ends as if the reader had left once more than any page takes has come.

    So that Django closes the file in which it keeps what has come.
    """

    def __init__(self, receive: Any) -> None:
        self._receive, self._total = receive, 0

    @property
    def is_exceeded(self) -> bool:
        """Whether more has come than any page takes."""
        return self._total > LARGEST_BODY

    async def __call__(self) -> Any:
        """Return the next message."""
        message = await self._receive()
        self._total += len(message.get("body") or b"")
        return {"type": "http.disconnect"} if self.is_exceeded else message


async def _refuse(send: Any, status: int, sentence: str) -> None:
    text = sentence.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


def is_for_the_loop(scope: Scope) -> bool:
    """Whether a request is answered in the event loop: for a static file, or by a view that is a coroutine."""
    path = scope["path"].removeprefix(get_script_prefix(scope))
    if path.startswith(settings.STATIC_URL):
        return True
    try:
        return iscoroutinefunction(resolve(path, settings.ROOT_URLCONF).func)
    except Resolver404:
        return False
