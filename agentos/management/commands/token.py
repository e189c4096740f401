"""Print a bearer token, or take a user's tokens back."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from agentos.access.models import ApiToken
from agentos.audit.service import COMMAND_LINE, Target, record
from agentos.management.people import find_user


class Command(BaseCommand):
    """`token USER [--revoke]`."""

    help = "Print a bearer token with USER's rights, for scripts: `Authorization: Bearer TOKEN`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("user", metavar="USER")
        parser.add_argument("--revoke", action="store_true", help="take back all of USER's tokens instead")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token, and nothing else, to standard output."""
        user = find_user(options["user"])
        if options["revoke"]:
            count, _ = ApiToken.objects.filter(user=user).delete()
            _record("token.revoked", user.username, {"count": count})
            self.stdout.write(f"Took back {count} token{'' if count == 1 else 's'} of {user.username}.")
            return
        _record("token.issued", user.username)
        self.stdout.write(ApiToken.objects.all().issue(user))


def _record(act: str, username: str, details: dict[str, int] | None = None) -> None:
    on = Target(object=f"user {username}")
    record(act, actor=COMMAND_LINE, actor_id=None, on=on, details=details, origin=COMMAND_LINE)
