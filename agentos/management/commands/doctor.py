"""Look at everything the program depends on and say, in one line each, whether it is well."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from agentos.access import oidc
from agentos.agents import registry
from agentos.db.sources import Source, SourceError, all_sources, check
from agentos.remotes.discovery import look
from agentos.remotes.remote import all_remotes, problem


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is well, and a plain sentence about it."""

    well: bool
    sentence: str

    def __str__(self) -> str:
        """A line for the terminal."""
        return f"{'ok' if self.well else 'problem':8} {self.sentence}"


def own_database() -> Finding:
    """Look at our own database: is it there, is it migrated."""
    try:
        executor = MigrationExecutor(connection)
        waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as error:
        return Finding(False, own_database_fault(error))
    if waiting:
        return Finding(False, f"Our own database lacks {waiting} migrations. Run: python manage.py migrate")
    return Finding(True, f"Our own database is there and migrated ({connection.vendor}).")


def own_database_fault(error: DatabaseError) -> str:
    """Return the sentence for a fault of our own database: the first line of its own words."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"Our own database (DATABASE_URL) cannot be used: {lines[0]}"


def source_finding(source: Source) -> Finding:
    """Look at one source."""
    result = check(source)
    if not result.ok:
        return Finding(False, f"Source {source.name}: {result.problem}")
    mode = ", read-only" if source.read_only else ""
    count = "1 session" if result.session_count == 1 else f"{result.session_count} sessions"
    return Finding(True, f"Source {source.name}: {count}, {result.layout} layout{mode}.")


def sources() -> Iterator[Finding]:
    """Look at every source; a configuration that cannot be read is one finding."""
    try:
        found = all_sources()
    except SourceError as error:
        yield Finding(False, f"AGENTOS_SOURCES: {error}")
        return
    if not found:
        yield Finding(False, "AGENTOS_SOURCES names no source, so there are no sessions to show.")
    yield from (source_finding(source) for source in found)


def model() -> Finding:
    """Look at the model key. Without one the program works, so that is no problem."""
    if settings.OPENAI_API_KEY:
        return Finding(True, f"Model: OPENAI_API_KEY is set, {settings.OPENAI_BASE_URL or 'OpenAI'} answers.")
    return Finding(True, "Model: OPENAI_API_KEY is not set, so the built-in demo model answers.")


def components() -> Iterator[Finding]:
    """Look at the agents, teams and workflows that are registered here; none is no problem."""
    for one in registry.registered():
        yield Finding(True, f"{one.kind.capitalize()} {one.id} of {one.place} answers in its own sessions.")
    yield from (Finding(False, sentence) for sentence in registry.problems())


def remote_servers() -> Iterator[Finding]:
    """Ask every remote AgentOS server what it serves; none is no problem."""
    if wrong := problem():
        yield Finding(False, wrong)
    for remote in all_remotes():
        state = look(remote)
        where = f"Remote {remote.name} ({remote.url})"
        if remote.sends_key_in_clear:
            yield Finding(False, f"{where}: its key crosses the network unencrypted. Use https.")
        if state.problem:
            yield Finding(False, f"{where}: {state.problem}")
        else:
            version = f"Agno {state.version}" if state.version else "a version that it does not tell"
            key = "with a key" if remote.has_key else "without a key"
            yield Finding(True, f"{where}: {version}, {key}, serves {served(state.serves)}.")


def sign_on() -> Iterator[Finding]:
    """Look at how sign-in by OpenID Connect is set up; that it is not is no problem."""
    yield from (Finding(False, sentence) for sentence in oidc.problems())
    found = oidc.setup()
    if found is None:
        return
    for role in oidc.unknown_roles():
        yield Finding(False, f"AGENTOS_OIDC_ROLES names the role {role!r}, which is not there.")
    from agentos.access.openid import fault_of_provider

    fault = fault_of_provider()
    where = f"Sign-in by OpenID Connect ({found.issuer})"
    yield Finding(not fault, f"{where}: {fault or 'the provider answers'}.".replace("..", "."))


def served(serves: list[dict[str, Any]]) -> str:
    """Return in words how many agents, teams and workflows these are."""
    counts = [(kind, sum(one["kind"] == kind for one in serves)) for kind in ("agent", "team", "workflow")]
    return ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in counts if count) or "nothing"


class Command(BaseCommand):
    """`doctor`."""

    help = "Check our own database, every source and the model key; exit with 1 if something is wrong."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line a finding."""
        findings = [own_database(), *sources(), model(), *components(), *remote_servers(), *sign_on()]
        for finding in findings:
            self.stdout.write(str(finding))
        problems = sum(not finding.well for finding in findings)
        if problems:
            raise CommandError(f"{problems} problem{'' if problems == 1 else 's'} found.", returncode=1)
