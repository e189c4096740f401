"""What is compared: two sessions, or two runs, each by an address as it stands in URLs."""

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import unquote

from django.urls import reverse
from django.utils.http import urlencode

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.db.reader import Reader
from agentos.records import BadRun, Run, Session
from sessions_ui.presenters.fetched_run import FetchedRun

ADDRESS_CHARACTERS: Final = 4_000
_ADDRESS = re.compile(r"([a-zA-Z0-9_-]{1,64})/([^/?#\0]+)(?:/runs/([^/?#\0]+))?")


@dataclass(frozen=True)
class Address:
    """`source/qid`, or `source/qid/runs/qrun_id`: a session's page or a run's, without what stands around it."""

    source: str
    qid: str
    qrun_id: str = ""

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return what a text names, also one that was copied whole from a browser; None if it names nothing."""
        text = text[:ADDRESS_CHARACTERS].strip()
        _, copied, path = text.rpartition("/sessions/")
        # A quoted id has no per cent sign of its own.
        match = _ADDRESS.match(unquote(path) if copied else text)
        return None if match is None else cls(match[1], match[2], match[3] or "")

    @classmethod
    def of(cls, session: CatalogSession, run: CatalogRun | None = None) -> Self:
        """Return the address of a session or of a run of it."""
        return cls(session.source, session.quoted_id, run.quoted_id if run is not None else "")

    def __str__(self) -> str:
        """How it stands in a URL."""
        return f"{self.source}/{self.qid}" + (f"/runs/{self.qrun_id}" if self.qrun_id else "")

    @property
    def is_run(self) -> bool:
        """Whether it names a run."""
        return bool(self.qrun_id)


@dataclass(frozen=True)
class Side:
    """One of the two: a session with its stored columns, or a run of it."""

    letter: str
    address: Address
    session: CatalogSession
    reader: Reader
    stored: Session | None = None
    fetched: FetchedRun | None = None

    @property
    def run(self) -> CatalogRun | None:
        """The run's row, None for a session."""
        return self.fetched.row if self.fetched is not None else None

    @property
    def record(self) -> Run | BadRun | None:
        """The run as stored, None for a session."""
        return self.fetched.run if self.fetched is not None else None

    @property
    def url(self) -> str:
        """The address of its page."""
        if self.run is not None:
            return reverse("run", args=[self.session.source, self.session.quoted_id, self.run.quoted_id])
        return reverse("session", args=[self.session.source, self.session.quoted_id])

    @property
    def other_query(self) -> str:
        """The query under which this side stays and the other is chosen anew."""
        return urlencode({self.letter.lower(): str(self.address)})

    @property
    def title(self) -> str:
        """What to call it."""
        return self.session.title or "Untitled session"
