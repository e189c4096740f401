"""The list under addresses that nobody of good will writes: answered, and never with more than one may see."""

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agentos.catalog.models import CatalogSession
from agentos.catalog.paging import SORTS
from agentos.catalog.query.fields import FIELDS
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db
LOOKUPS = (
    "_connector", "_negated", "pk__in", "user__password__startswith", "metadata__x' OR 1=1--", "user_key", "id",
    "__class__", "source__regex", "title__iregex", 'state."', "state.$.*", "meta.%s", "columns", "preview", "format",
)  # fmt: skip
NAMES = ("q", "sort", "after", "not", "since", "from", "to", *FIELDS)
NASTY = (
    "OR", "1", "x' OR 1=1--", '") UNION SELECT password FROM auth_user--', "(a+)+$", "%", "_", "\\", "$.*", "\0",
    "\ud800", "{}", "pk__in", "user__password", "-password", "?", "*", "none", "(none)", "a" * 5_000, "state.a'b:1",
    "meta.%s:%s", 'state."x":1', "__proto__", "Infinity", "-1", "9" * 400, "٣", "-(" * 300, "user:none or user:*",
)  # fmt: skip
ASKED = st.dictionaries(
    st.sampled_from([*NAMES, *LOOKUPS]) | st.text(max_size=8),
    st.lists(st.sampled_from([*NASTY, *SORTS]) | st.text(max_size=30), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=ASKED, as_json=st.booleans())
@example({"q": ["user:alice@example.com or user:bob"]}, True)
@example({"q": ["-user:alice@example.com"], "user": ["bob"]}, True)
@example({"_connector": ["OR"], "user_key": ["bob"], "pk__in": ["1"]}, True)
def test_any_address_is_answered_within_what_one_may_see(
    owner: Person, asked: dict[str, list[str]], as_json: bool
) -> None:
    if not CatalogSession.objects.exists():
        for at in range(4):
            make_session(user_id="bob" if at % 2 else "alice@example.com", title=f"{at % 2} of secrets")
    parameters: dict[str, Any] = {
        name: [text.encode(errors="replace").decode() for text in asked[name]] for name in asked
    }
    if as_json:
        parameters["format"] = "json"

    answer = owner.client.get("/sessions/", parameters)

    assert answer.status_code in ((200, 400) if answer["Content-Type"] == "application/json" else (200,))
    assert "1 of secrets" not in answer.content.decode()
    if answer.status_code == 200 and answer["Content-Type"] == "application/json":
        assert {row["user_id"] for row in answer.json()["sessions"]} <= {"alice@example.com"}
