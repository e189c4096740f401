"""Who is signed in, as each request asks it: the session, then the user with their rights, by one statement each."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from agentos.access.models import BrowserSession
from agentos.access.rights import columns, keep_rights
from agentos.prepared import Prepared

# How old the time of the last request may be before it is written anew.
SEEN_EVERY: Final = timedelta(minutes=5)
_SINCE, _ADDRESS = "signed_in_since", "signed_in_from"
_NAMES: Final = [one.attname for one in User._meta.concrete_fields]
_USER: Final = Prepared(lambda key: User.objects.filter(pk=key).values_list(*_NAMES, *columns()))
_SESSION: Final = Prepared(
    lambda key: BrowserSession.objects.filter(session_key=key).values_list("session_data", "expire_date", "seen_at")
)


class SessionStore(DatabaseStore):
    """Django's sessions in a table of ours, read without making an object of each."""

    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        """Return the table."""
        return BrowserSession

    def create_model_instance(self, data: dict[str, Any]) -> BrowserSession:
        """Return the row to be stored, with whose it is."""
        made: BrowserSession = super().create_model_instance(data)  # type: ignore[assignment]  # of that table
        made.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        made.address = str(data.get(_ADDRESS, ""))[:200]
        made.since = datetime.fromisoformat(data[_SINCE]) if _SINCE in data else timezone.now()
        return made

    def load(self) -> dict[str, Any]:
        """Return what is kept for the session key; nothing if the session is over, which is then another one."""
        now = timezone.now()
        for data, until, seen_at in _SESSION.rows(self.session_key or ""):
            if until > now:
                if now - seen_at > SEEN_EVERY:
                    BrowserSession.objects.filter(session_key=self.session_key).update(seen_at=now)
                return self.decode(data)
        self._session_key = None
        return {}


class Backend(ModelBackend):
    """Django's users, read together with their rights."""

    def get_user(self, user_id: int) -> User | None:
        """Return the user of a session, None if there is none any more, or they may not sign in."""
        rows = _USER.rows(int(user_id))
        if not rows:
            return None
        user = User.from_db("default", _NAMES, rows[0][: len(_NAMES)])
        keep_rights(user, [row[len(_NAMES) :] for row in rows])
        return user if self.user_can_authenticate(user) else None


@receiver(user_logged_in)
def _remember_since(sender: Any, request: HttpRequest, **_: Any) -> None:
    request.session[_SINCE] = timezone.now().isoformat()
    request.session[_ADDRESS] = request.META.get("REMOTE_ADDR", "")


def end_sessions(user: User, *, but: str | None = None) -> int:
    """Sign the user out everywhere: their browsers are strangers with their next request; return how many there were.

    `but`: the key of a session that goes on.

    What streams to them ends at its next look, within seconds.
    """
    ended, _ = BrowserSession.objects.filter(user=user).exclude(session_key=but or "").delete()
    return ended
