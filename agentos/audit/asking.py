"""Questions to the log, as the page and its export ask them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final, Self
from urllib.parse import urlencode

from django.db.models import Q
from django.utils import timezone

from agentos.audit.acts import KINDS
from agentos.audit.models import Entry, EntryQuerySet

_TEXT_CHARACTERS: Final = 200
_SEARCHED: Final = ("actor", "session_id", "run_id", "object", "reason", "origin", "details")


@dataclass(frozen=True)
class Asked:
    """What entries are asked for; "" and None for anything. `first` and `last` are days, both included."""

    kind: str = ""
    act: str = ""
    who: str = ""
    source: str = ""
    session_id: str = ""
    text: str = ""
    first: date | None = None
    last: date | None = None

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """Read the parameters of a URL; what cannot be read asks for nothing."""
        words = {
            name: values.get(name, "").replace("\0", "")[:_TEXT_CHARACTERS].strip() for name in ("act", "who", "q")
        }
        kind = values.get("kind", "")
        return cls(
            kind=kind if kind in KINDS else "",
            act=words["act"],
            who=words["who"],
            source=values.get("source", ""),
            session_id=values.get("session", ""),
            text=words["q"],
            first=_day(values.get("from", "")),
            last=_day(values.get("to", "")),
        )

    def entries(self) -> EntryQuerySet:
        """Return the entries that are asked for, newest first."""
        rows = Entry.objects.order_by("-number")
        exact = {"kind": self.kind, "act": self.act, "actor": self.who}
        rows = rows.filter(**{name: value for name, value in exact.items() if value})
        if self.session_id:
            rows = rows.about(self.source, self.session_id)
        if self.first:
            rows = rows.filter(at__gte=_begin(self.first))
        if self.last and self.last < date.max:
            rows = rows.filter(at__lt=_begin(self.last + timedelta(days=1)))
        if self.text:
            said = Q()
            for name in _SEARCHED:
                said |= Q(**{f"{name}__icontains": self.text})
            rows = rows.filter(said)
        return rows

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it."""
        return self == Asked()

    def url(self, **changes: str) -> str:
        """Return it as the query of a URL, with `kind` changed if it is given and other parameters added."""
        asked = replace(self, kind=changes.pop("kind", self.kind))
        values = {
            "kind": asked.kind, "act": asked.act, "who": asked.who, "q": asked.text,
            "source": asked.source if asked.session_id else "", "session": asked.session_id,
            "from": asked.first.isoformat() if asked.first else "", "to": asked.last.isoformat() if asked.last else "",
        }  # fmt: skip
        return "?" + urlencode({name: value for name, value in (values | changes).items() if value}, errors="replace")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
