"""Choosing what is masked: it holds for the next page in every process, and the catalog is masked anew by itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.access.models import Grant
from agentos.audit.models import Entry
from agentos.catalog.models import CatalogRun, CatalogSession, CatalogText
from agentos.catalog.sync import refresh_session, refresh_source
from agentos.db.sources import Source, get_source
from agentos.masking import config
from agentos.masking.models import MaskRule, MaskState
from agentos.moderation import secret_rules
from agentos.moderation.acting import Actor, Refused
from sessions_ui.presenters import masking as presented
from tests.conftest import Person
from tests.integration.redaction.test_bulk import planted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("flag_reasons")]
URL = "/settings/masking/"
SECRET = "acme_Qx7391ZkQx7391Zk"
PATTERN = "acme_[A-Za-z0-9]{16}"
HOSTILE = "<script>alert(1)</script>\u202e"


@pytest.fixture
def lab(sources: Any, tmp_path: Path) -> Source:
    """Three sessions with a secret that no detector knows yet, and one without."""
    sources(f"lab=sqlite:///{tmp_path / 'lab.db'}")
    source = get_source("lab")
    for number, text in enumerate((SECRET, SECRET, SECRET, "nothing"), 1):
        planted(source, number, text)
    refresh_source(source, budget=None)
    return source


def keep(who: Person, **form: str) -> Any:
    return who.client.post(URL, {"act": "keep", "name": "Acme keys", "pattern": PATTERN, **form})


def in_catalog(text: str) -> int:
    texts = CatalogText.objects.filter(body__contains=text).count()
    return texts + CatalogRun.objects.filter(input_preview__contains=text).count()


def test_it_holds_for_the_next_page_everywhere(lab: Source, admin: Person, viewer: Person) -> None:
    at = "/sessions/lab/s1/"
    assert SECRET in viewer.client.get(at).text
    before = config.current()
    assert keep(admin).status_code == 302
    config._chosen = config.Chosen()  # as another process, which has not heard of it
    assert config.current() is before
    page = viewer.client.get(at).text
    assert SECRET not in page and "[masked]" in page
    rule = MaskRule.objects.get()
    admin.client.post(URL, {"act": "switch", "rule": rule.pk})
    assert SECRET in viewer.client.get(at).text
    admin.client.post(URL, {"act": "switch", "rule": rule.pk})
    assert SECRET not in viewer.client.get(at).text
    admin.client.post(URL, {"act": "drop", "rule": rule.pk})
    assert SECRET in viewer.client.get(at).text and not MaskRule.objects.exists()


def test_the_catalog_follows(lab: Source, admin: Person, viewer: Person) -> None:
    assert in_catalog(SECRET) and SECRET in viewer.client.get("/search/?q=Here").text
    known = {row.pk: row.mark for row in CatalogSession.objects.all()}
    secret_rules.keep(Actor.of(admin.user), "Acme", PATTERN)
    config.look()
    assert [one.share for one in presented.behind()] == [0]
    refresh_source(lab, patient=True)
    token = MaskState.objects.get().token
    assert presented.behind() == [] and not in_catalog(SECRET) and in_catalog("[masked]")
    assert SECRET not in viewer.client.get("/search/?q=Here").text
    assert {row.pk: row.mark for row in CatalogSession.objects.all()} == known, "they stay what they were otherwise"
    assert set(CatalogSession.objects.values_list("masked_by", flat=True)) == {token}
    assert CatalogRun.objects.count() == 4
    assert refresh_source(lab, patient=True).changed == 0
    secret_rules.drop(Actor.of(admin.user), MaskRule.objects.get())
    refresh_source(lab, patient=True)
    assert in_catalog(SECRET) and not in_catalog("[masked]")


def test_it_goes_on_where_it_was_cut_off(lab: Source, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_rules.keep(Actor.of(admin.user), "Acme", PATTERN)
    monkeypatch.setattr("agentos.catalog.sync.BATCH", 1)
    refresh_source(lab, budget=0.0)
    [behind] = presented.behind()
    assert 0 < behind.share < 100
    # Chosen anew meanwhile: those that the pass has come by are made once more by the next one.
    secret_rules.keep(Actor.of(admin.user), "More", "Here")
    while not refresh_source(lab, budget=0.0).done:
        pass
    while presented.behind():
        refresh_source(lab, budget=0.0, patient=True)
    assert not in_catalog(SECRET) and not in_catalog("Here")


def test_a_session_that_is_looked_at_is_made_anew(lab: Source, admin: Person) -> None:
    secret_rules.keep(Actor.of(admin.user), "Acme", PATTERN)
    config.look()
    planted(lab, 9, SECRET)
    assert refresh_session(lab, "s9") is not None
    assert CatalogSession.objects.get(session_id="s9").masked_by == MaskState.objects.get().token


def test_lists_cost_no_statement_more(lab: Source, admin: Person, viewer: Person) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            viewer.client.get("/sessions/")
        return len(seen)

    statements()
    before = statements()
    secret_rules.keep(Actor.of(admin.user), "Acme", PATTERN)
    while presented.behind():
        refresh_source(lab, budget=None)
    statements()  # reads what was chosen
    assert statements() == before


def test_kinds(lab: Source, admin: Person, settings: Any) -> None:
    assert "as the setting AGENTOS_MASK says" in admin.client.get(URL).text
    assert admin.client.post(URL, {"act": "kinds", "kind": ["emails", "keys"]}).status_code == 302
    page = admin.client.get(URL)
    assert "chosen here" in page.text and "off by the setting" in page.text
    found = admin.client.get(f"{URL}?format=json").json()
    assert found["kinds"] == {
        "keys": True, "tokens": False, "passwords": False, "cards": False, "emails": True, "phones": False,
    }  # fmt: skip
    assert config.current().masked("a@example.com 4111 1111 1111 1111") == "[masked] 4111 1111 1111 1111"
    assert admin.client.post(URL, {"act": "kinds", "kind": "dance"}).status_code == 422
    assert admin.client.post(f"{URL}?format=json", {"act": "as_setting"}).json()["kinds_by"] == "setting"
    assert config.current().masked("a@example.com 4111 1111 1111 1111") == "a@example.com [masked]"
    entries = Entry.objects.filter(act="mask.kinds").order_by("number")
    assert [json.loads(entry.details)["kinds"][:14] for entry in entries] == ["keys, emails", "as the setting"]


def test_each_change_is_on_record(admin: Person) -> None:
    keep(admin)
    rule = MaskRule.objects.get()
    keep(admin, rule=str(rule.pk), pattern="acme-[a-z]+", name=f"Acme {HOSTILE}")
    admin.client.post(URL, {"act": "switch", "rule": rule.pk})
    admin.client.post(URL, {"act": "drop", "rule": rule.pk})
    entries = list(Entry.objects.filter(act__startswith="mask.").order_by("number"))
    assert [entry.act for entry in entries] == ["mask.kept"] * 3 + ["mask.dropped"]
    assert PATTERN in entries[0].after and PATTERN in entries[1].before and "acme-[a-z]+" in entries[1].after
    assert all(entry.actor == "admin" for entry in entries)


def test_what_is_tried_is_kept_nowhere(admin: Person) -> None:
    before = Entry.objects.count()
    page = admin.client.post(URL, {"act": "try", "pattern": PATTERN, "text": f"x {SECRET} y {HOSTILE}"})
    assert page.status_code == 200 and "x [masked] y" in page.text and "<script>alert" not in page.text
    nothing = admin.client.post(URL, {"act": "try", "text": SECRET})
    assert "Nothing in it would be masked" in nothing.text
    data = admin.client.post(f"{URL}?format=json", {"act": "try", "text": "key sk-proj-abcdEFGH1234567890"}).json()
    assert data == {"masked": "key [masked]", "finds": True}
    assert admin.client.post(URL, {"act": "try", "text": "x" * 100_001}).status_code == 422
    assert not MaskRule.objects.exists() and Entry.objects.count() == before


@pytest.mark.parametrize(
    "pattern",
    ["", "ab", "[a-z]+", "acme(a|b)", "acme.*", "acme (a+)+$", "acme[z-a]", "acme" + "a" * 200, "acmé_[0-9]+"],
)
def test_what_is_no_rule(admin: Person, pattern: str) -> None:
    answer = keep(admin, pattern=pattern)
    assert answer.status_code == 422 and not MaskRule.objects.exists()
    with pytest.raises(Refused):
        secret_rules.tried("text", pattern or "x")


def test_names_and_numbers(admin: Person, settings: Any) -> None:
    assert keep(admin, name="  ").status_code == 422
    assert keep(admin, name=HOSTILE).status_code == 302 and keep(admin, name=HOSTILE).status_code == 422
    settings.AGENTOS_MASK_RULES = ["corp_[0-9]+"]
    page = admin.client.get(URL).text
    assert "<script>alert" not in page and "of the setting" in page and "corp_[0-9]+" in page
    for number in range(secret_rules.MOST_RULES - 1):
        MaskRule.objects.create(name=f"r{number}", pattern="abcd")
    assert "which is the most" in keep(admin).text
    edit = admin.client.get(f"{URL}?edit={MaskRule.objects.get(name='r1').pk}").text
    assert 'value="abcd"' in edit and "Save rule" in edit


def test_who_may(admin: Person, moderator: Person, teammate: Person, viewer: Person, owner: Person) -> None:
    assert URL in admin.client.get("/settings/").text and URL not in moderator.client.get("/settings/").text
    for who in (moderator, teammate, viewer, owner):
        assert who.client.get(URL).status_code == keep(who).status_code == 403
    Grant.objects.create(user=admin.user, kind="agent", value="helper")
    assert keep(admin).status_code == 403 and not MaskRule.objects.exists()


@pytest.mark.parametrize("key", ["", "0", "x", "99999999999999999999", "-1"])
def test_bad_ids(admin: Person, key: str) -> None:
    assert admin.client.get(URL, {"edit": key}).status_code == 404
    for act in ("switch", "drop"):
        assert admin.client.post(URL, {"act": act, "rule": key}).status_code == 404
    assert admin.client.post(URL, {"act": "dance", "rule": key}).status_code == 404
