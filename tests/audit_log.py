"""Emptying the audit log, which nothing can but tests: what one has committed there is not the next one's."""

from django.db import connection, transaction

from agentos.audit import guards
from agentos.audit.chain import GENESIS
from agentos.audit.models import Head


def empty() -> None:
    """Take the guards away, then all entries, and put the guards back."""
    vendor = connection.vendor
    shown = ["DROP TRIGGER audit_shown_no_update", "DROP TRIGGER audit_shown_no_delete"] if vendor == "sqlite" else []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM audit_entry LIMIT 1")
        if cursor.fetchone() is None:
            return
        for statement in (*shown, *guards.dropped(vendor), "DELETE FROM audit_shown", "DELETE FROM audit_entry"):
            cursor.execute(statement)
        Head.objects.update(number=0, hash=GENESIS, counts={}, checked_at=None, checked_number=None, check_problem="")
        for statement in (*guards.statements(vendor), *guards.of_shown(vendor)):
            cursor.execute(statement)
