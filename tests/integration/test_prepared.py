"""Questions whose SQL is written once."""

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.prepared import Prepared

pytestmark = pytest.mark.django_db


def names_of() -> Prepared:
    return Prepared(
        lambda key, name: (
            User.objects.filter(pk__gte=key, is_active=True).exclude(username=name).values_list("username")
        )
    )


def test_answers_for_each_value() -> None:
    first, second = (User.objects.create(username=name) for name in ("ada", "bob"))
    asked = names_of()
    assert asked.rows(first.pk, "bob") == [("ada",)]
    assert asked.rows(first.pk, "ada") == [("bob",)]
    assert asked.rows(second.pk, "nobody") == [("bob",)]
    assert asked.rows(second.pk + 1, "nobody") == []


def test_is_written_once_and_asked_by_one_statement() -> None:
    made: list[int] = []

    def make(key: int):  # type: ignore[no-untyped-def]  # a QuerySet of tuples
        made.append(key)
        return User.objects.filter(pk=key).values_list("username")

    asked = Prepared(make)
    with CaptureQueriesContext(connection) as taken:
        asked.rows(1), asked.rows(2), asked.rows(3)
    assert len(made) == 1 and len(taken) == 3


def test_values_are_what_models_make_of_them() -> None:
    user = User.objects.create(username="ada")
    user.refresh_from_db()
    [(is_active, joined)] = Prepared(
        lambda key: User.objects.filter(pk=key).values_list("is_active", "date_joined")
    ).rows(user.pk)
    assert is_active is True and joined == user.date_joined


def test_a_value_that_does_not_reach_the_database_is_refused() -> None:
    asked = Prepared(lambda key, unused: Group.objects.filter(pk=key).values_list("name"))
    with pytest.raises(ValueError, match=r"\[1\]"):
        asked.rows(1, 2)
