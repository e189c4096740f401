"""The thread that carries jobs out, one at a time: in a web process or in a worker, as AGENTOS_TURNS says of turns.

It rests between portions, so that whoever reads pages meanwhile hardly notices.
"""

import atexit
import logging
import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connections

from agentos.jobs.acts import find
from agentos.jobs.carrying import JobLost, claim, give_back, portion
from agentos.jobs.models import Job
from agentos.jobs.states import ACTIVE

logger = logging.getLogger(__name__)

# Seconds that a rest between portions takes at most.
_LONGEST_REST: Final = 1.0
# Seconds between two looks of a web process for jobs that nobody carries out.
_EVERY: Final = 5.0
# And for what is to be done once a day.
_CHORES_EVERY: Final = 600.0
_is_worker = False


class Runner:
    """At most one thread, alive while there are jobs; a daemon, since a job that is cut off goes on elsewhere."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._thread: Thread | None = None
        self._stopped = Event()
        self._again = False

    def wake(self) -> None:
        """Have the thread look for jobs now; start it if it is not there."""
        with self._lock:
            self._again = True
            if self._thread is None and not self._stopped.is_set():
                self._thread = Thread(target=self._run, name="jobs", daemon=True)
                self._thread.start()

    def stop(self, grace: float) -> None:
        """End the thread after the portion it is at; wait for that so many seconds."""
        self._stopped.set()
        thread = self._thread
        if thread is not None:
            thread.join(grace)

    def _run(self) -> None:
        try:
            while self._goes_on():
                while not self._stopped.is_set() and (claimed := claim()):
                    self._carry_out(*claimed)
        except Exception:  # the database is away: whoever looks next starts another thread
            logger.exception("Jobs could not be carried out; they are taken up later")
            with self._lock:
                self._thread = None
        finally:
            connections.close_all()

    def _goes_on(self) -> bool:
        with self._lock:
            again, self._again = self._again and not self._stopped.is_set(), False
            if not again:
                self._thread = None
            return again

    def _carry_out(self, job_id: UUID, runner: str) -> None:
        act = find(Job.objects.values_list("act", flat=True).get(pk=job_id))
        rest = act.rest if act is not None else 0.0
        try:
            while True:
                began = time.monotonic()
                if not portion(job_id, runner):
                    return
                if self._stopped.wait(min(_LONGEST_REST, rest * (time.monotonic() - began))):
                    give_back(job_id, runner)
                    return
        except JobLost:
            logger.warning("The job %s is carried out by somebody else", job_id)


_runner: Final = Runner()
_looked_at = -_EVERY
_done_at = -_CHORES_EVERY
_chores: Final[list[Callable[[], object]]] = []


def wake() -> None:
    """Have jobs carried out, if this process does so; a worker looks by itself."""
    if _is_worker or settings.AGENTOS_TURNS == "thread":
        _runner.wake()


def look(budget: float | None = None) -> None:
    """`tend`, while a thread follows the sources; for `keeping.follow_up`."""
    if settings.AGENTOS_FOLLOW == "thread":
        tend()


def add_chore(chore: Callable[[], object]) -> None:
    """Have something done every ten minutes or so, by each process that tends to jobs; it sees to it who is first."""
    if chore not in _chores:
        _chores.append(chore)


def tend() -> None:
    """Take up jobs whose runner is gone, now and then, and do what is due, such as rules of retention."""
    global _looked_at, _done_at
    now = time.monotonic()
    if now - _looked_at >= _EVERY:
        _looked_at = now
        wake()
    if now - _done_at < _CHORES_EVERY:
        return
    _done_at = now
    for chore in _chores:
        try:
            chore()
        except Exception:
            logger.exception("A chore failed; it is tried again in %d s", _CHORES_EVERY)


def wake_for_page() -> None:
    """Have jobs that nobody carries out taken up when somebody looks at one, if this process carries out any."""
    if Job.objects.filter(status__in=ACTIVE).exists():
        wake()


def become_worker() -> None:
    """Carry jobs out in this process, whatever AGENTOS_TURNS says of web processes."""
    global _is_worker
    _is_worker = True


def stop(grace: float) -> None:
    """End the thread of this process, for good."""
    _runner.stop(grace)


def run_now() -> None:
    """Carry out all jobs that wait, in this thread, without rests: for the command line and for tests."""
    while claimed := claim():
        while portion(*claimed):
            pass


atexit.register(stop, 2.0)
