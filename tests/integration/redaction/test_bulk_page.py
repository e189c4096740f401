"""The pages of redacting many sessions: what is asked, the look before, the report; and who is offered it."""

from typing import Any

import pytest

from agentos.catalog.models import CatalogSession
from agentos.db.sources import Source
from agentos.jobs import runner
from agentos.jobs.models import Job
from tests.conftest import Person
from tests.integration.redaction.test_bulk import NEEDLE, WHY, lab, left_to_workers, stored

__all__ = ["lab", "left_to_workers"]
pytestmark = pytest.mark.django_db(transaction=True)


def picks(*ids: str) -> list[str]:
    rows = CatalogSession.objects.filter(session_id__in=ids) if ids else CatalogSession.objects.all()
    return [f"{row.source}/{row.quoted_id}" for row in rows]


def test_from_the_selection_to_the_report(lab: Source, moderator: Person) -> None:
    sheet = moderator.client.post("/jobs/new/", {"pick": picks()}).text
    assert 'value="redact"' in sheet and "Fingerprint" not in sheet
    form = moderator.client.post("/jobs/new/", {"pick": picks(), "act": "redact"}).text
    assert "Texts to take out" in form and 'value="cards"' in form and "Your own rules" not in form
    empty = moderator.client.post("/jobs/new/", {"pick": picks(), "act": "redact", "named": "1"})
    assert empty.status_code == 422 and "Name a text" in empty.text
    named = {"pick": picks("s1", "s5"), "act": "redact", "named": "1", "with_text": NEEDLE}
    answer = moderator.client.post("/jobs/new/", named)
    assert answer.status_code == 302
    at = answer.headers["Location"]
    assert "sk-" not in at
    draft = moderator.client.get(at)
    assert "Redact in 2 sessions?" in draft.text and "in 1 of the first 2 sessions" in draft.text
    assert "[redacted]" in draft.text and NEEDLE not in draft.text
    as_data = moderator.client.get(f"{at}?format=json")
    assert as_data.json()["preview"]["with_it"] == 1 and NEEDLE not in as_data.text
    refused = moderator.client.post(at, {"act": "start", "reason": f"it is {NEEDLE}"})
    assert refused.status_code == 422 and "reasons are kept" in refused.text
    assert moderator.client.post(at, {"act": "start", "reason": WHY}).status_code == 302
    assert moderator.client.post(at, {"act": "stop"}).status_code == 302
    assert "named again" in moderator.client.get(at).text
    assert moderator.client.post(at, {"act": "resume"}).status_code == 422
    assert moderator.client.post(at, {"act": "resume", "with_text": NEEDLE}).status_code == 302
    runner.run_now()
    report = moderator.client.get(at).text
    assert "Nothing was found in it." in report and "places redacted" in report and NEEDLE not in report
    assert NEEDLE not in stored(lab, "s1") and NEEDLE in stored(lab, "s2")
    assert NEEDLE not in moderator.client.get("/jobs/?format=json").text


def test_all_that_match(lab: Source, moderator: Person) -> None:
    form = {"act": "redact", "named": "1", "all": "1", "q": "user:alice@example.com", "with_kinds": ["keys", "cards"]}
    made = moderator.client.post("/jobs/new/?format=json", form)
    assert made.status_code == 201 and made.json()["job"]["options"]["kinds"] == "keys,cards"
    at = f"/jobs/{made.json()['job']['id']}/"
    assert moderator.client.get(f"{at}?format=json").json()["preview"]["with_it"] == 4
    moderator.client.post(at, {"act": "start", "reason": WHY})
    runner.run_now()
    assert Job.objects.get().done == 4


def test_who_is_offered_it(
    lab: Source, moderator: Person, admin: Person, teammate: Person, viewer: Person, owner: Person, settings: Any
) -> None:
    settings.AGENTOS_MASK_RULES = ["acme_[a-z]+"]
    form = {"pick": picks("s1"), "act": "redact", "named": "1", "with_text": NEEDLE}
    for who in (moderator, admin):
        assert "Your own rules (1)" in who.client.post("/jobs/new/", {"pick": picks("s1"), "act": "redact"}).text
        assert who.client.post("/jobs/new/", form).status_code == 302
    for who in (teammate, viewer):
        assert 'value="redact"' not in who.client.post("/jobs/new/", {"pick": picks("s1")}).text
        assert who.client.post("/jobs/new/", {"pick": picks("s1"), "act": "redact"}).status_code == 422
        assert who.client.post("/jobs/new/", form).status_code == 422
    assert owner.client.post("/jobs/new/", form).status_code == 403
    mine = moderator.client.post("/jobs/new/", form).headers["Location"]
    assert admin.client.get(mine).status_code == 404, "a list that nobody confirmed is its maker's"
    wrong = moderator.client.post("/jobs/new/", {**form, "pick": ["lab/no-such", "x\0/y"]})
    assert wrong.status_code == 422 and "Nothing was chosen" in wrong.text
