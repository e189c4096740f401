"""`manage.py continue SOURCE SESSION_ID "message"`: say something in a session and read the answer in the terminal."""

import argparse
import time
import uuid
from pathlib import Path
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from agentos.access.rules import NotAllowed, check_can_continue
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.db.sources import SourceError, get_source
from agentos.turns.attachments import LARGEST, Media, medium
from agentos.turns.choosing import REMOTE, candidates, check_choice
from agentos.turns.errors import ReasonMissing
from agentos.turns.models import Turn, TurnEvent
from agentos.turns.service import BadRequest, events_after, lacks_worker, request_cancel, submit, sweep_orphans
from agentos.turns.states import Status

# Seconds between two looks at the log.
_POLL: Final = 0.1
# Seconds between two looks whether the turn's runner, which may be another process, has died.
_SWEEP: Final = 2.0


class Command(BaseCommand):
    """Continues a session through the same turn as the chat pane. Exit status 0: the answer is stored."""

    help = "Continue a session with a message and stream the answer; exit 0 only when its run is stored."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("source", help="name of the source, as in AGENTOS_SOURCES")
        parser.add_argument("session_id")
        parser.add_argument("message")
        parser.add_argument("--user", help="continue with this person's rights and in their name")
        parser.add_argument("--reason", default="", help="why --user acts in the session of somebody else")
        parser.add_argument("--answerer", default="", help="who answers: registered, rebuilt or remote:NAME")
        parser.add_argument("--attach", action="append", default=[], metavar="FILE", help="a picture or a text file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Submit the turn and print its answer as it arrives."""
        user = _user(options["user"])
        row = _check(options["source"], options["session_id"], user)
        try:
            choices = candidates(row.source, row.session_type or "agent", row.component_id, row.model)
            if not options["answerer"].startswith(REMOTE):  # what remotes serve may not be known yet: the turn looks
                check_choice(options["answerer"], choices)
            turn = submit(
                options["source"],
                options["session_id"],
                options["message"],
                user=user,
                idempotency_key=uuid.uuid4().hex,
                attachments=_attachments(options["attach"]),
                answerer=options["answerer"],
                reason=options["reason"],
            )
        except ReasonMissing as error:
            raise CommandError(f"{error} Give it by --reason.") from None
        except BadRequest as error:
            raise CommandError(str(error)) from None
        try:
            self._follow(turn)
        except KeyboardInterrupt:
            request_cancel(turn)
            self._follow(turn, quietly=True)
        if turn.status != Status.COMPLETED or not turn.run_id:
            raise CommandError(printable(turn.problem) or f"The turn is {turn.status}; its answer is not complete.")

    def _follow(self, turn: Turn, *, quietly: bool = False) -> None:
        """Print the answer until the turn is over, then have `turn` as it is stored."""
        seq, done, swept, told = 0, False, 0.0, quietly
        while not done:
            if time.monotonic() - swept > _SWEEP:
                sweep_orphans()
                swept = time.monotonic()
                if not told and lacks_worker(turn):
                    self.stderr.write("No worker has taken this turn yet; `manage.py worker` starts one.")
                    told = True
            for event in events_after(turn.pk, seq):
                seq, done = event.seq, event.kind == TurnEvent.Kind.DONE
                if event.kind == TurnEvent.Kind.CONTENT and not quietly:
                    self.stdout.write(printable(str(event.payload.get("text", ""))), ending="")
                    self.stdout.flush()
            if not done:
                time.sleep(_POLL)
        self.stdout.write("")
        turn.refresh_from_db()


def printable(text: str) -> str:
    """Return the text without characters that would steer the terminal: all controls but line feed and tab."""
    return "".join(
        char for char in text if char in "\n\t" or not (ord(char) < 32 or 127 <= ord(char) < 160 or char in _STEERING)
    )


# Marks that reorder text on the screen, so that it reads as something else.
_STEERING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _user(name: str | None) -> User | None:
    if name is None:
        return None
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user {name!r}. `manage.py signin_link {name} --create` makes one.")
    return user


def _check(source_name: str, session_id: str, user: User | None) -> CatalogSession:
    """Refuse what cannot be continued, before anything is stored; return the session.

    Raises:
        CommandError: an unknown source or session, or one that this user may not continue.
    """
    try:
        row = refresh_session(get_source(source_name), session_id)
    except KeyError:
        raise CommandError(f"There is no source {source_name!r}; AGENTOS_SOURCES names them.") from None
    except SourceError as error:
        raise CommandError(str(error)) from None
    if row is None:
        raise CommandError(f"There is no session {session_id!r} in the source {source_name}.")
    try:
        if user is not None:
            check_can_continue(user, row)
    except NotAllowed as error:
        raise CommandError(str(error)) from None
    return row


def _attachments(paths: list[str]) -> Media:
    """Return the files as media in Agno's form.

    Raises:
        CommandError: one cannot be read, is too large, or of a kind that is not taken.
    """
    media: Media = {}
    for path in map(Path, paths):
        key, stored = attachment(path)
        media.setdefault(key, []).append(stored)
    return media


def attachment(path: Path) -> tuple[str, dict[str, Any]]:
    """Return "images", "audio" or "files", and the file as Agno stores such a medium.

    Raises:
        CommandError: it cannot be read, is too large, or of a kind that is not taken.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise CommandError(f"{path} is larger than {LARGEST // 10**6} MB.")
        return medium(path.name, path.read_bytes())
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    except BadRequest as error:
        raise CommandError(str(error)) from None
