"""The two plain answers for whatever watches the process."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_open_without_sign_in(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.text) == (200, "ok")


def test_not_ready_without_our_database(client: Client) -> None:
    def gone(execute: Callable[..., Any], *args: Any) -> Any:
        raise OperationalError("the disk is gone")

    with connection.execute_wrapper(gone):
        assert client.get("/livez").status_code == 200
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "disk" not in answer.text
