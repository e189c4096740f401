"""`manage.py audit`."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agentos.audit.models import Entry, Head
from agentos.audit.service import Target, record

pytestmark = pytest.mark.django_db


def said(*args: str) -> str:
    out = io.StringIO()
    call_command("audit", *args, stdout=out, stderr=out)
    return out.getvalue()


def exported(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_verify_prints_the_head_to_be_kept() -> None:
    record("sign_out", actor="dora", actor_id=1)
    text = said("verify")
    head = str(Head.objects.get())
    assert text.splitlines()[-1] == head
    assert "each as it was written, none missing" in text
    assert said("verify", "--head", head)


def test_verify_says_what_is_wrong_and_exits_with_1() -> None:
    number = record("sign_out", actor="dora", actor_id=1).number
    Head.objects.update(number=number + 1)
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("audit", "verify", stdout=out, stderr=out)
    assert error.value.returncode == 1
    assert out.getvalue() == f"Entry {number + 1} is missing.\n"


def test_export_writes_what_the_hashes_cover_and_is_on_record(tmp_path: Path) -> None:
    before = Head.objects.get().number
    record("session.opened", actor="=cmd()", actor_id=1, on=Target("demo", "s1"), details={"n": 1}, origin="10.0.0.1")
    path = tmp_path / "log.jsonl"
    said("export", "--after", str(before), "--output", str(path))
    first, second = exported(path.read_text())
    assert (first["actor"], first["details"], first["before"]) == ("=cmd()", {"n": 1}, None)
    assert (second["act"], second["actor"]) == ("audit.exported", "command line")
    with pytest.raises(CommandError, match="exists"):
        said("export", "--output", str(path))
    rows = list(csv.DictReader(io.StringIO(said("export", "--format", "csv", "--after", str(before)))))
    assert rows[0]["actor"] == "'=cmd()"
    assert Entry.objects.filter(act="audit.exported", number__gt=before).count() == 3
