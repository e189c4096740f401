"""Reads reach the log without a statement in their request."""

import time
from typing import Any

import pytest
from django.db import connection

from agentos.audit import notes as module
from agentos.audit.chain import UnknownAct
from agentos.audit.models import Entry, Head
from agentos.audit.notes import notes
from agentos.audit.service import Target, note
from agentos.audit.verifying import verify

S1 = Target("demo", "s1")


def read(actor: int = 1, on: Target = S1, **options: Any) -> None:
    note("session.opened", actor=f"p{actor}", actor_id=actor, on=on, origin="10.0.0.1", **options)


@pytest.mark.django_db
def test_a_read_costs_no_statement_and_is_stored_with_others(
    django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    before = Head.objects.get().number
    with django_assert_num_queries(0):
        for number in range(20):
            read(number)
    with django_assert_max_num_queries(6):
        assert notes.flush() == 20
    assert Head.objects.get().number == before + 20
    assert notes.flush() == 0
    assert verify().is_whole


@pytest.mark.django_db
def test_reloading_is_not_noted_again_within_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(50):
        read()
    read(on=Target("demo", "s2"))
    read(2)
    read(details={"tab": "state"})
    assert notes.flush() == 4
    monkeypatch.setattr(module, "COALESCE", 0.0)
    notes.forget()
    read()
    read()
    assert notes.flush() == 2


@pytest.mark.django_db
def test_the_time_is_that_of_the_read() -> None:
    read()
    time.sleep(0.05)
    notes.flush()
    newest = Entry.objects.latest("number")
    read(2)
    notes.flush()
    assert (Entry.objects.latest("number").at - newest.at).total_seconds() >= 0.04


@pytest.mark.django_db
def test_a_request_stores_its_read_itself_where_that_is_asked_for_or_too_many_wait(settings, monkeypatch) -> None:  # type: ignore[no-untyped-def]  # fixtures alone
    before = Head.objects.get().number
    settings.AGENTOS_AUDIT_READS = "request"
    read()
    assert Head.objects.get().number == before + 1
    settings.AGENTOS_AUDIT_READS = "thread"
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    for number in range(5, 9):
        read(number)
    assert Head.objects.get().number == before + 3
    assert notes.flush() == 2


@pytest.mark.django_db
def test_a_read_that_cannot_be_stored_fails_and_is_not_taken_for_noted(settings) -> None:  # type: ignore[no-untyped-def]  # fixtures alone
    settings.AGENTOS_AUDIT_READS = "request"
    head = Head.objects.get()
    Head.objects.all().delete()
    with pytest.raises(RuntimeError):
        read()
    head.save(force_insert=True)
    read()
    assert Entry.objects.filter(number__gt=head.number).count() == 1


@pytest.mark.django_db
def test_what_could_not_be_stored_waits_on() -> None:
    read()
    head = Head.objects.get()
    Head.objects.all().delete()
    with pytest.raises(RuntimeError):
        notes.flush()
    head.save(force_insert=True)
    assert notes.flush() == 1


def test_an_unknown_act_is_refused_at_once() -> None:
    with pytest.raises(UnknownAct):
        note("made.up", actor="p", actor_id=1)


def test_the_thread_stores_within_a_second_and_at_the_end(audit_thread: None) -> None:
    before = Head.objects.get().number
    read()
    until = time.monotonic() + 10
    while Head.objects.get().number == before and time.monotonic() < until:
        time.sleep(0.02)
    assert Head.objects.get().number == before + 1
    read(2)
    notes.stop()
    assert Head.objects.get().number == before + 2
    read(3)  # starts another thread
    notes.stop()
    assert Head.objects.get().number == before + 3
    assert connection.vendor in ("sqlite", "postgresql")
    assert verify().is_whole
