"""`manage.py export` and `manage.py import_session`."""

import io
import json
import math
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agentos.catalog.models import CatalogSession
from agentos.db.reader import Reader
from agentos.db.sources import Source, get_source
from agentos.transfer.importing import NotImportable, import_session, preview
from tests.integration.db.session_dbs import run

pytestmark = pytest.mark.django_db
ID = "tools-trouble-01"


def printed(*args: str) -> str:
    out = io.StringIO()
    call_command(*args, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def document(*runs: Any, **session: Any) -> dict[str, Any]:
    columns = {"session_id": "s1", "session_type": "agent", "agent_id": "a1", "user_id": "alice", "created_at": 1}
    placed = [{"place": "list", "data": each if isinstance(each, dict | list) else each.raw} for each in runs]
    return {"format": "agentos-session", "version": 1, "session": {**columns, **session}, "runs": placed}


def stored(source: Source, given: dict[str, Any], new_id: str | None = None) -> Any:
    return import_session(io.BytesIO(json.dumps(given).encode()), source, new_id)


class TestExport:
    @pytest.mark.parametrize("form", ["json", "markdown", "html", "jsonl"])
    def test_to_the_terminal_and_to_a_file(self, lab: Source, tmp_path: Path, form: str) -> None:
        shown = printed("export", "lab", ID, "--format", form)
        path = tmp_path / "out"
        assert printed("export", "lab", ID, "--format", form, "--output", str(path)) == ""
        assert len(path.read_text()) == len(shown) > 100
        with pytest.raises(CommandError, match="there already"):
            printed("export", "lab", ID, "--output", str(path))

    def test_jsonl_of_either_kind(self, lab: Source) -> None:
        evaluation = printed("export", "lab", ID, "--format", "jsonl", "--for", "evaluation", "--history", "2")
        assert "history" in json.loads(evaluation.splitlines()[0])

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (("nowhere", ID), "no source"), (("lab", "no such"), "no session"), (("lab", "\0"), "no session"),
            (("fresh", ID), "no file"), (("lab", ID, "--history", "51"), "0 to 50"),
            (("lab", ID, "--history", "-1"), "0 to"),
            (("lab", ID, "--output", "/no/such/folder/x"), "cannot be written"),
        ],
    )  # fmt: skip
    def test_what_it_refuses(self, lab: Source, args: tuple[str, ...], said: str) -> None:
        with pytest.raises(CommandError, match=said):
            printed("export", *args)


class TestImport:
    def test_there_and_back(self, lab: Source, tmp_path: Path) -> None:
        path = tmp_path / "s.json"
        printed("export", "lab", ID, "--output", str(path))
        assert stat.S_ISREG(path.stat().st_mode)
        assert "Stored the session" in printed("import_session", "fresh", str(path))
        first, again = json.loads(path.read_text()), json.loads(printed("export", "fresh", ID))
        assert again["session"] == first["session"] and again["runs"] == first["runs"]
        assert CatalogSession.objects.filter(source="fresh", session_id=ID).exists()
        with pytest.raises(CommandError, match="already"):
            printed("import_session", "fresh", str(path))
        assert "new" in printed("import_session", "fresh", str(path), "--as", "new")
        copy = json.loads(printed("export", "fresh", "new"))
        assert (
            {each["data"]["session_id"] for each in copy["runs"]}
            == {"new"}
            == {each["columns"]["session_id"] for each in copy["runs"]}
        )

    @pytest.mark.parametrize("said", [True, 1, "yes", {"by": "somebody"}])
    def test_a_masked_copy_only_when_that_is_said(self, lab: Source, tmp_path: Path, said: Any) -> None:
        file = tmp_path / "masked.json"
        file.write_text(json.dumps({**document(), "masked": said}))
        with pytest.raises(CommandError, match=r"(?s)Nothing was imported.*\[masked\].*--masked has it imported"):
            printed("import_session", "fresh", str(file))
        assert Reader(get_source("fresh")).session("s1") is None
        assert "Stored the session 's1'" in printed("import_session", "fresh", str(file), "--masked")

    def test_what_it_refuses(self, lab: Source, tmp_path: Path) -> None:
        path = tmp_path / "s.json"
        path.write_text("{}")
        for source, file, said in (
            ("nowhere", path, "no source"), ("fresh", tmp_path / "none", "cannot be read"),
            ("fresh", path, "Nothing was"), ("fresh", tmp_path, "cannot be read"), ("frozen", path, "read-only"),
        ):  # fmt: skip
            with pytest.raises(CommandError, match=said):
                printed("import_session", source, str(file))
        assert Reader(get_source("frozen")).stamp(ID) is not None


class TestChecks:
    @pytest.mark.parametrize(
        ("session", "said"),
        [
            ({"session_id": ""}, "no id"), ({"session_id": 5}, "no id"), ({"session_id": "a\0"}, "no id"),
            ({"session_id": "\ud800"}, "no id"), ({"session_type": "cow"}, "type"), ({"session_type": []}, "type"),
            ({"user_id": {"a": 1}}, "user_id"), ({"user_id": "\0"}, "user_id"), ({"created_at": None}, "times"),
            ({"created_at": True}, "times"), ({"created_at": 2**63}, "times"), ({"updated_at": "now"}, "times"),
            ({"metadata": [1]}, "metadata"), ({"session_data": "x"}, "session_data"), ({"agent_data": 1}, "agent_data"),
            ({"summary": {"other": 1}}, "summary"), ({"runs": []}, "column"), ({"evil; --": 1}, "column"),
        ],
    )  # fmt: skip
    def test_of_the_session(self, lab: Source, session: dict[str, Any], said: str) -> None:
        with pytest.raises(NotImportable, match=said):
            stored(get_source("fresh"), document(run(), **session))
        assert Reader(get_source("fresh")).stamps() == []

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ({"session_id": "other"}, "another session"), ({"status": "ODD"}, "status"), ({"messages": [{}]}, "role"),
            ({"created_at": "x"}, "created_at"), ({"created_at": 2**70}, "time"), ({"input": "x"}, "input"),
            ({"run_id": "\0"}, "id"), ({"events": [{"event": "Evil"}]}, "event"), ({"agent_id": ...}, "workflow_id"),
        ],
    )  # fmt: skip
    def test_of_a_run(self, lab: Source, more: dict[str, Any], said: str) -> None:
        raw = {**run("r2").raw, **more}
        with pytest.raises(NotImportable, match=said):
            stored(
                get_source("fresh"), document(run("r1"), {key: value for key, value in raw.items() if value is not ...})
            )
        assert Reader(get_source("fresh")).stamps() == []

    def test_of_a_row(self, lab: Source) -> None:
        wrong: tuple[dict[str, Any], ...] = (
            {"run_id": "x"}, {"session_id": "x"}, {"run_type": "cow"}, {"user_id": 5}, {"created_at": None},
            {"run_index": "1"}, {"updated_at": 0.5}, {"parent_run_id": "\0"}, {"run_index": 2**64},
        )  # fmt: skip
        for columns in wrong:
            given = document(run("r1"))
            given["runs"][0] |= {"place": "row", "columns": columns}
            with pytest.raises(NotImportable, match="Run 1"):
                stored(get_source("fresh"), given)

    def test_all_that_is_wrong_is_said_up_to_a_bound(self, lab: Source) -> None:
        given = document(*[[1]] * 50)
        found = preview(io.BytesIO(json.dumps(given).encode()), get_source("fresh"))
        assert len(found.problems) == 20 and found.run_count == 50

    def test_runs_that_are_there(self, lab: Source) -> None:
        fresh = get_source("fresh")
        stored(fresh, document(run("r1")))
        with pytest.raises(NotImportable, match="another session of the source"):
            stored(fresh, document({**run("r1").raw, "session_id": "s2"}, session_id="s2"))
        with pytest.raises(NotImportable, match="Another run of the file"):
            stored(fresh, document(run("r2"), run("r2")), "s3")
        assert stored(fresh, document(run("r1")), "s3").renaming.runs

    def test_too_deep(self, lab: Source) -> None:
        deep: Any = "x"
        for _ in range(300):
            deep = [deep]
        with pytest.raises(NotImportable, match="200 levels"):
            stored(get_source("fresh"), document(run("r1", content=deep)))

    def test_order_is_kept_whatever_the_numbers_say(self, lab: Source) -> None:
        fresh = get_source("fresh")
        kinds: list[list[int | None]] = [[1, 2, 4], [4, 2, 2], [None, 1, 2], [1, None, 2], [None, None, None]]
        for at, numbers in enumerate(kinds):
            session_id = f"s{at}"
            given = document(*(run(f"{at}-{n}", session_id) for n in "cab"), session_id=session_id)
            for entry, number in zip(given["runs"], numbers, strict=True):
                entry |= {"place": "row", "columns": {"run_index": number, "created_at": 1}}
            stored(fresh, given)
            order = [stub.run_id for stub in Reader(fresh).run_stubs(session_id)]
            assert order == [f"{at}-{n}" for n in "cab"]

    def test_sqlite_holds_all_that_agno_put_there(self, lab: Source) -> None:
        odd = {"nul": "a\0b", "half": "\ud800", "long": 10**40, "deep": [[[]]]}
        given = document(run("r1", content=odd))
        given["runs"][0] = {"place": "list", "text": json.dumps({**run("r1", content={**odd, "nan": math.nan}).raw})}
        stored(get_source("fresh"), given)
        [found] = Reader(get_source("fresh")).all_runs("s1")
        assert math.isnan(found.raw["content"].pop("nan")) and found.raw["content"] == odd
