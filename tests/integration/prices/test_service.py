"""Keeping the price table: who may, what a row has to be, what is on record."""

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from agentos.access.models import Binding
from agentos.access.rules import NotAllowed
from agentos.audit.models import Entry
from agentos.prices import service
from agentos.prices.models import ALWAYS, Price
from agentos.prices.service import Refused
from agentos.prices.table import current, settled
from tests.conftest import Person

pytestmark = pytest.mark.django_db
GOOD = {"model": "gpt-5*", "input": "1.25", "output": "$10", "cached_inside": "yes"}


def test_a_row_is_kept_with_who_and_when_and_is_on_record(admin: Person) -> None:
    price = service.save(
        admin.user, {**GOOD, "provider": " OpenAI  Chat ", "valid_from": "2026-09-01"}, origin="10.0.0.9"
    )
    kept = Price.objects.get()
    assert (kept.provider, kept.model, kept.valid_from) == ("OpenAI Chat", "gpt-5*", datetime.date(2026, 9, 1))
    assert (kept.input, kept.output, kept.cached) == (Decimal("1.25"), Decimal(10), None)
    assert kept.changed_by == "admin" and kept.changer == admin.user
    service.save(admin.user, {**GOOD, "input": "2"}, price)
    service.delete(admin.user, price)
    acts = list(Entry.objects.order_by("number").values_list("act", flat=True))
    assert acts == ["price.kept", "price.kept", "price.dropped"]
    assert Entry.objects.order_by("number").first().origin == "10.0.0.9"  # type: ignore[union-attr]  # there is one
    assert not Price.objects.exists()


def test_every_change_gives_another_table_to_everybody(admin: Person) -> None:
    assert current().rows == () and settled().token == ""
    price = service.save(admin.user, GOOD)
    first = current()
    assert [row.pk for row in first.rows] == [price.pk] and settled() is first is current()
    service.save(admin.user, {**GOOD, "input": "3"}, price)
    assert current() is not first and current().rows[0].input == 3
    service.delete(admin.user, price)
    assert current().rows == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": " "}, "Name a model"), ({"model": "**"}, "Name a model"), ({"model": "a*b*c*d*e"}, "three"),
        ({"model": "x" * 121}, "120"), ({"model": "a\u202eb"}, "can be seen"), ({"input": "one"}, "no number"),
        ({"input": "NaN"}, "between"), ({"output": "-1"}, "between"), ({"output": "1e9"}, "between"),
        ({"input": "0.0000001"}, "six places"), ({"valid_from": "1.9.2026"}, "2026-11-28"),
        ({"valid_from": "1960-01-01"}, "1970"), ({"cached_inside": "maybe"}, "yes or no"),
        ({"input": "", "output": ""}, "at least one"), ({"input": "Infinity"}, "between"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_in_a_sentence(admin: Person, change: dict[str, str], says: str) -> None:
    with pytest.raises(Refused, match=says):
        service.save(admin.user, {**GOOD, **change})
    assert not Price.objects.exists() and not Entry.objects.exists()


def test_one_row_for_a_model_a_provider_and_a_day(admin: Person) -> None:
    price = service.save(admin.user, GOOD)
    with pytest.raises(Refused, match="already"):
        service.save(admin.user, GOOD)
    assert service.save(admin.user, {**GOOD, "input": "0"}, price).input == 0
    service.save(admin.user, {**GOOD, "valid_from": "2026-01-01"})
    assert Price.objects.count() == 2 and Price.objects.get(pk=price.pk).valid_from == ALWAYS


def test_the_file_brings_back_what_was_written(admin: Person) -> None:
    service.save(admin.user, {**GOOD, "reasoning": "0.000001", "cached_inside": "no"})
    service.save(admin.user, {**GOOD, "model": 'a "quoted", name', "valid_from": "2026-02-03"})
    text = service.written(Price.objects.all())
    before = [service.as_texts(row) for row in Price.objects.all()]
    Price.objects.all().delete()
    assert service.import_csv(admin.user, "\ufeff" + text) == 2
    assert [service.as_texts(row) for row in Price.objects.all()] == before
    assert service.import_csv(admin.user, text) == 2 and Price.objects.count() == 2  # in place of themselves


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "name the columns"), ("a,b\n1,2\n", "name the columns"), ("model,input\n", "no rows"),
        ("model,input\ngpt,1\ngpt,2\n", "Line 3: the same"), ("model,input\ngpt,x\n", "Line 2: The price"),
        ("model\ngpt\n", "Line 2: Fill in"), ("model,input\n" + "m,1\n" * 300_000, "larger"),
    ],
)  # fmt: skip
def test_a_bad_file_keeps_nothing(admin: Person, text: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        service.import_csv(admin.user, text)
    assert not Price.objects.exists()


class TestOwnership:
    def test_administrators_alone_change_prices(self, viewer: Person, teammate: Person, owner: Person) -> None:
        for person in (viewer, teammate, owner):
            calls: list[Any] = [
                lambda user: service.save(user, GOOD),
                lambda user: service.import_csv(user, "model,input\nx,1\n"),
                lambda user: service.delete(user, Price(pk=1)),
            ]
            for call in calls:
                with pytest.raises(NotAllowed):
                    call(person.user)
        assert not Price.objects.exists()

    def test_an_administrator_bound_to_their_own_sessions_does_not(self, admin: Person) -> None:
        user = User.objects.get(pk=admin.user.pk)
        Binding.objects.create(user=user, agno_user_id="x")
        assert not service.can_edit(User.objects.get(pk=user.pk))
