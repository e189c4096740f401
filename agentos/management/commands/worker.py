"""`manage.py worker`: carry turns and jobs out in a process of its own, beside web processes (AGENTOS_TURNS)."""

import os
import signal
import threading
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.db import Error as DatabaseError
from django.db import connection

from agentos.catalog import keeping
from agentos.jobs import runner as jobs
from agentos.turns.channel import hear, stop_hearing
from agentos.turns.runner import become_worker, stop, sweep_orphans
from agentos.turns.wakeups import listening
from agentos.turns.watch import watch

# Seconds between two looks for turns that wait, where no notification says that there is one.
POLL: Final = {"postgresql": 2.0}
DEFAULT_POLL: Final = 0.5
GRACE: Final = 30.0


class Command(BaseCommand):
    """Takes turns as they come, until it is told to stop; any number of workers may run."""

    help = "Carry out turns and jobs until interrupted. Web processes leave them to workers with AGENTOS_TURNS=worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--grace", type=float, default=GRACE, help=f"seconds to finish turns in when told to stop ({GRACE:g})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until SIGINT or SIGTERM; then finish what was begun, within the grace."""
        become_worker()
        jobs.become_worker()
        told = threading.Event()
        with listening() as news:

            def stop_soon(*_: Any) -> None:
                told.set()
                news.set()

            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, stop_soon)
            hear()
            self.stdout.write(f"Worker {os.getpid()} is ready (Ctrl-C stops it).")
            self.stdout.flush()
            while not told.is_set():
                news.clear()
                self._look()
                news.wait(POLL.get(connection.vendor, DEFAULT_POLL))
        keeping.follower.stop()
        jobs.stop(options["grace"])
        cut_off = stop(options["grace"])
        stop_hearing()
        self.stdout.write(f"Stopped; {cut_off} turns were interrupted." if cut_off else "Stopped.")

    def _look(self) -> None:
        try:
            sweep_orphans()
            jobs.tend()
            watch.start()
            keeping.follow()  # so that rules flag what is new while nobody looks at a page
        except DatabaseError as error:  # a server that restarts comes back
            self.stderr.write(f"Our own database cannot be used, trying again: {error}")
            connection.close()
