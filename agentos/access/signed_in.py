"""Who is signed in, as each request asks it: the session, then the user with their rights, by one statement each."""

from typing import Any, Final

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from agentos.access.rights import columns, keep_rights
from agentos.prepared import Prepared

_NAMES: Final = [one.attname for one in User._meta.concrete_fields]
_USER: Final = Prepared(lambda key: User.objects.filter(pk=key).values_list(*_NAMES, *columns()))
_SESSION: Final = Prepared(
    lambda key: Session.objects.filter(session_key=key).values_list("session_data", "expire_date")
)


class SessionStore(DatabaseStore):
    """Django's sessions in the database, read without making an object of each."""

    def load(self) -> dict[str, Any]:
        """Return what is kept for the session key; nothing if the session is over, which is then another one."""
        for data, until in _SESSION.rows(self.session_key or ""):
            if until > timezone.now():
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
