"""Entries are added, hold each other in place, and nothing changes or drops one unnoticed."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction

from agentos.audit.chain import GENESIS, UnknownAct, append, entry_hash
from agentos.audit.guards import dropped
from agentos.audit.models import AppendOnly, Entry, Head
from agentos.audit.service import Draft, Target, record, record_all
from agentos.audit.verifying import verify


def some(count: int = 6) -> list[Entry]:
    """A few entries at the end of the log."""
    on = Target("demo", "s1", "r1")
    return [record("session.opened", actor=f"p{n}", actor_id=n, on=on, origin="10.0.0.1") for n in range(count)]


def unguarded(sql: str, *values: int) -> None:
    """Change the log as somebody with the database's password may."""
    with connection.cursor() as cursor:
        for statement in dropped(connection.vendor):
            cursor.execute(statement)
        cursor.execute(sql, values)


@pytest.mark.django_db
def test_an_entry_says_all_of_it() -> None:
    start = Head.objects.get().number
    entry = record(
        "turn.sent", actor="dora", actor_id=7, on=Target("demo", "s/1", "r1", "a message"), reason="ticket 8812",
        before={"a": 1}, after={"a": 2}, details={"turn": "x"}, origin="10.4.2.18",
    )  # fmt: skip
    stored = Entry.objects.get(number=entry.number)
    assert stored.number == start + 1
    assert (stored.act, stored.kind, stored.actor, stored.actor_id) == ("turn.sent", "change", "dora", 7)
    assert (stored.source, stored.session_id, stored.run_id, stored.object) == ("demo", "s/1", "r1", "a message")
    assert (stored.reason, stored.origin, stored.before, stored.facts) == (
        "ticket 8812", "10.4.2.18", '{"a":1}', {"turn": "x"},
    )  # fmt: skip
    assert stored.is_whole
    assert list(Entry.objects.all().about("demo", "s/1")) == [stored]
    assert not Entry.objects.all().about("demo/s", "1")


@pytest.mark.django_db
def test_each_entry_follows_from_the_one_before() -> None:
    before = Head.objects.get()
    entries = some()
    previous = before.hash
    for entry in Entry.objects.filter(number__gt=before.number).order_by("number"):
        assert entry_hash(entry, previous) == entry.hash
        previous = entry.hash
    head = Head.objects.get()
    assert (head.number, head.hash) == (entries[-1].number, entries[-1].hash)
    assert head.counts["read"] - before.counts.get("read", 0) == len(entries)
    assert verify().is_whole
    assert Head.objects.get().checked_number == head.number


@pytest.mark.django_db
def test_many_are_added_by_few_statements(django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]  # a fixture of pytest-django without a type
    drafts = [Draft("session.opened", "p", 1, Target("demo", f"s{n}")) for n in range(30)]
    with django_assert_max_num_queries(6):
        entries = record_all(drafts)
    assert [entry.number for entry in entries] == list(range(entries[0].number, entries[0].number + 30))
    assert record_all([]) == []
    assert verify().is_whole


@pytest.mark.django_db
def test_what_nobody_registered_cannot_be_recorded() -> None:
    before = Head.objects.get().number
    with pytest.raises(UnknownAct):
        record_all([Draft("session.opened", "p"), Draft("made.up", "p")])
    assert Head.objects.get().number == before


@pytest.mark.django_db
def test_an_act_that_is_undone_is_not_on_record() -> None:
    before = str(Head.objects.get())
    with pytest.raises(RuntimeError), transaction.atomic():
        some()
        raise RuntimeError
    assert str(Head.objects.get()) == before
    assert verify().is_whole


@pytest.mark.django_db
def test_hostile_names_forge_no_entry() -> None:
    forged = 'x\r\n1;2026-11-28;"admin";\x1b[2J\0\ud800'
    entry = record("sign_in.failed", actor=forged, actor_id=None, on=Target("demo", forged * 200, forged, forged))
    stored = Entry.objects.get(number=entry.number)
    for text in (stored.actor, stored.session_id, stored.run_id, stored.object):
        assert len(text.splitlines()) == 1 and text.isprintable()
    assert len(stored.session_id) == 1_000
    assert not stored.is_whole
    assert list(Entry.objects.all().about("demo", forged * 200)) == [stored]
    assert verify().is_whole


@pytest.mark.django_db
def test_the_model_refuses_changes() -> None:
    entry = some(1)[0]
    for change in (
        entry.save,
        entry.delete,
        Entry.objects.all().delete,
        lambda: Entry.objects.update(actor="x"),
        lambda: Entry.objects.bulk_create([entry]),
        lambda: Entry.objects.create(number=99),
        lambda: Entry.objects.bulk_update([entry], ["actor"]),
    ):
        with pytest.raises(AppendOnly):
            change()


@pytest.mark.django_db
@pytest.mark.parametrize("sql", ["UPDATE audit_entry SET actor = 'x'", "DELETE FROM audit_entry"])
def test_the_database_refuses_changes(sql: str) -> None:
    some(1)
    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["actor", "reason", "origin", "details", "before", "session_id", "act", "hash"])
def test_a_tampered_entry_is_found(column: str) -> None:
    entry = some()[2]
    unguarded(f"UPDATE audit_entry SET {column} = 'x' WHERE number = %s", entry.number)
    problems = verify().problems
    assert problems[0] == f"Entry {entry.number} is not what was written behind entry {entry.number - 1}."
    assert Head.objects.get().check_problem.startswith(problems[0])


@pytest.mark.django_db
def test_a_later_time_is_found() -> None:
    entry = some()[2]
    unguarded("UPDATE audit_entry SET at = '2026-01-01 00:00:00' WHERE number = %s", entry.number)
    assert not verify().is_whole


@pytest.mark.django_db
def test_removed_entries_are_found() -> None:
    entries = some()
    unguarded("DELETE FROM audit_entry WHERE number IN (%s, %s)", entries[2].number, entries[3].number)
    assert verify().problems == [f"Entries {entries[2].number} to {entries[3].number} are missing."]


@pytest.mark.django_db
def test_reordered_entries_are_found() -> None:
    entries = some()
    first, second = entries[1].number, entries[2].number
    unguarded("UPDATE audit_entry SET number = -1 WHERE number = %s", first)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_entry SET number = %s WHERE number = %s", [first, second])
        cursor.execute("UPDATE audit_entry SET number = %s WHERE number = -1", [second])
    assert len(verify().problems) >= 2


@pytest.mark.django_db
def test_an_entry_put_in_behind_the_end_is_found() -> None:
    last = some()[-1]
    append([Draft("session.opened", "p")])
    Head.objects.update(number=last.number, hash=last.hash)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_entry WHERE number > %s", [last.number])
        assert cursor.fetchone()[0] == 1
    assert f"behind its end, which is {last.number}" in " ".join(verify().problems)


@pytest.mark.django_db
def test_a_log_cut_off_at_its_end_is_found() -> None:
    entries = some()
    unguarded("DELETE FROM audit_entry WHERE number = %s", entries[-1].number)
    assert verify().problems == [f"Entry {entries[-1].number} is missing."]


@pytest.mark.django_db
def test_a_head_kept_elsewhere_finds_what_was_put_right() -> None:
    entries = some()
    kept = verify().head
    assert verify(kept).is_whole
    unguarded("DELETE FROM audit_entry WHERE number >= %s", entries[3].number)
    Head.objects.update(number=entries[2].number, hash=entries[2].hash)
    assert verify().is_whole  # nothing in the database tells
    assert verify(kept).problems == [
        f"The kept head is entry {entries[-1].number}, but the log ends with {entries[2].number}."
    ]
    record_all([Draft("session.opened", "somebody else") for _ in range(10)])
    assert verify(kept).problems == [f"Entry {entries[-1].number} is not the one of the kept head."]


@pytest.mark.django_db
def test_a_lost_end_is_found() -> None:
    some()
    Head.objects.all().delete()
    assert verify().problems == ["The row that holds the end of the log is gone."]


@pytest.mark.django_db(transaction=True)
def test_a_hundred_writers_at_once_keep_the_chain_whole() -> None:
    before = Head.objects.get().number
    # PostgreSQL here lets about a hundred in; the others wait for one to leave, as they do for a pool.
    places, ready = threading.Semaphore(60), threading.Barrier(100)

    def write(number: int) -> None:
        ready.wait()
        with places:
            try:
                for _ in range(3):
                    with transaction.atomic():
                        record("session.opened", actor=f"writer {number}", actor_id=number)
            finally:
                connections.close_all()

    with ThreadPoolExecutor(100) as pool:
        for done in [pool.submit(write, number) for number in range(100)]:
            done.result()
    assert Head.objects.get().number == before + 300
    assert verify().is_whole
    for number in range(100):
        assert Entry.objects.filter(number__gt=before, actor_id=number).count() == 3


@pytest.mark.django_db(transaction=True)
def test_flush_leaves_the_log_alone() -> None:
    last = some()[-1]
    call_command("flush", interactive=False, verbosity=0)
    assert Entry.objects.filter(number=last.number).exists()
    assert verify().is_whole


def test_the_first_hash_is_of_nothing() -> None:
    assert GENESIS == "0" * 64
