"""News of turns between processes: heard at once on PostgreSQL, and heard again after the server was away."""

import time
import uuid

import pytest
from django.db import connection, transaction

from agentos.turns import channel
from agentos.turns.wakeups import listening

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif("'postgres' not in str(config.getoption('--db'))", reason="SQLite has no NOTIFY")


def is_heard(seconds: float = 5.0) -> bool:
    """Whether an announcement arrives; it is repeated, as the listener may not listen yet."""
    with listening() as news:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            channel.announce(uuid.uuid4())
            if news.wait(0.2):
                return True
    return False


@pytest.mark.sqlite_only
def test_where_there_is_no_notify_nothing_is_done() -> None:
    channel.stop_hearing()  # as streams of tests before this one may have begun
    channel.hear()
    channel.announce(uuid.uuid4())
    assert channel._listener._thread is None


@on_postgresql
def test_an_announcement_is_heard_once_its_transaction_is_through() -> None:
    channel.hear()
    assert is_heard()
    with listening() as news:
        with transaction.atomic():
            channel.announce(uuid.uuid4())
            assert not news.wait(0.3)
        assert news.wait(2)


@on_postgresql
def test_a_lost_connection_is_made_anew(caplog: pytest.LogCaptureFixture) -> None:
    channel.hear()
    assert is_heard()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = %s",
            [f"LISTEN {channel.CHANNEL}"],
        )
        assert cursor.fetchone() == (1,)
    assert is_heard(10)
    assert "News of turns cannot be heard" in caplog.text
