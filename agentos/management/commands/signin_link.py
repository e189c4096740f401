"""Print a link that signs a user in once."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from agentos.access.models import Binding, Grant, SignInLink
from agentos.access.roles import Role, give_role
from agentos.access.signed_in import end_sessions
from agentos.audit.service import COMMAND_LINE, Target, record
from agentos.management.people import create_user, find_user, link_url


class Command(BaseCommand):
    """`signin_link USER [--create] [--role ROLE] [--bind AGNO_USER_ID] [--see KIND:VALUE …] [--see-all]`."""

    help = "Print a URL that signs USER in, once, within 24 hours."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("user", metavar="USER")
        parser.add_argument("--create", action="store_true", help="make the user if there is none of that name")
        parser.add_argument("--role", choices=list(Role), help="give the user this role (a new one is a viewer)")
        parser.add_argument("--bind", metavar="AGNO_USER_ID", help="show the user only this Agno user's sessions")
        parser.add_argument(
            "--see",
            metavar="KIND:VALUE",
            action="append",
            help="show the user only sessions of this "
            "source, agent, team, workflow or Agno user (kind user); again for more; in place of what was said before",
        )
        parser.add_argument("--see-all", action="store_true", help="take back what --see said")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Print the URL, and nothing else, to standard output."""
        user = self._user(options["user"], options["create"])
        if options["role"]:
            give_role(user, Role(options["role"]))
        if options["bind"] is not None:
            Binding.objects.update_or_create(user=user, defaults={"agno_user_id": options["bind"]})
        if options["see"] or options["see_all"]:
            _narrow(user, options["see"] or [])
        if any(options[name] for name in ("role", "see", "see_all")) or options["bind"] is not None:
            end_sessions(user)
        details = {name: options[name] for name in ("role", "bind", "see", "see_all", "create")}
        on = Target(object=f"user {user.username}")
        record("link.issued", actor=COMMAND_LINE, actor_id=None, on=on, details=details, origin=COMMAND_LINE)
        self.stdout.write(link_url(SignInLink.objects.all().issue(user)))

    def _user(self, username: str, create: bool) -> User:
        if create and not User.objects.filter(username=username).exists():
            return create_user(username, Role.VIEWER)
        return find_user(username)


def _narrow(user: User, texts: list[str]) -> None:
    """Give the user these grants in place of all others. Raises CommandError for a text that is none."""
    grants = []
    for text in texts:
        kind, _, value = text.partition(":")
        if kind not in Grant.Kind.values or not value:
            raise CommandError(
                f"{text!r} is no scope: write one of {', '.join(Grant.Kind.values)}, a colon and a name."
            )
        grants.append(Grant(user=user, kind=kind, value=value))
    user.grants.all().delete()
    Grant.objects.bulk_create(grants, ignore_conflicts=True)
