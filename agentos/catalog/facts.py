"""What the catalog keeps of a run: its scalars, taken from the record, never the record itself."""

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

from agentos.catalog.keys import clean, clean_or_none, index_key, one_line
from agentos.catalog.models import PREVIEW_CHARACTERS, CatalogRun
from agentos.catalog.sizes import all_steps, json_bytes, media_of, stored_bytes, traits
from agentos.catalog.text.extract import parts_of_run
from agentos.db.reader import RunStub
from agentos.records import BadRun, Run, RunNode, Usage, WorkflowRunOutput, build_forest, parse_run, usage_of, walk
from agentos.records.usage import as_row

_MAX_INT = 2**31 - 1
_MAX_BIGINT = 2**63 - 1
# Where a skeleton run carries the row it stands for; a key that no stored run is asked for.
_ROW = "catalog_row"
# Stands in a row's mark before the number of runs inside the stored one.
_INSIDE = "+"


def stub_mark(stub: RunStub) -> str:
    """Return a text that changes when the stored run does; "" when nothing tells."""
    if stub.place == "list":
        return stub.digest
    return "" if stub.updated_at is None else f"{stub.updated_at}/{stub.status}/{stub.size}"


def unchanged(known: Iterable[CatalogRun]) -> dict[tuple[str | None, str], list[list[CatalogRun]]]:
    """Group known rows as `rows_of` gives them, by run id and `stub_mark` of the stored run.

    Left out are runs whose change could not be noticed, and those that embed a run that the session also stores: the
    copy has no row, and would need one when the other is gone.
    """
    by_position: dict[int, list[CatalogRun]] = {}
    for row in sorted(known, key=lambda row: (not row.stored, row.ordinal)):
        by_position.setdefault(row.position, []).append(row)
    groups: dict[tuple[str | None, str], list[list[CatalogRun]]] = {}
    for group in by_position.values():
        mark, _, inside = group[0].mark.rpartition(_INSIDE)
        if mark and inside == str(len(group) - 1):
            groups.setdefault((group[0].run_id, mark), []).append(group)
    return groups


def rows_of(stub: RunStub, run: Run | BadRun) -> list[CatalogRun]:
    """Return a row for the stored run and one for each run embedded in it, the stored one first, unplaced."""
    if isinstance(run, BadRun):
        return [_bad_row(stub, run)]
    rows = [_row(node.run, stub, node.container) for node in walk(build_forest([run])) if isinstance(node.run, Run)]
    # The stored run is the container of all others, but may stand below one that it embeds and names as its parent.
    rows.sort(key=lambda row: not row.stored)
    rows[0].mark = _mark(stub, len(rows) - 1)
    return rows


def place(groups: Iterable[list[CatalogRun]]) -> list[CatalogRun]:
    """Put the rows of all stored runs, given in Agno's order, into their places in the session's forest.

    The forest is built from skeletons, which hold ids only: memory does not grow with what the runs hold.
    """
    placed: list[CatalogRun] = []
    for node in walk(build_forest(_skeleton(group) for group in groups)):
        row = _row_in(node)
        row.ordinal, row.depth = len(placed), node.depth
        row.root_ordinal = row.ordinal if node.parent is None else _row_in(node.parent).root_ordinal
        placed.append(row)
    return placed


def _skeleton(group: list[CatalogRun]) -> Run | BadRun:
    stored, *embedded = group
    if stored.kind == "bad":
        return BadRun(stored, "")
    raws = [_skeleton_raw(row) for row in group]
    by_id = {raw["run_id"]: raw for raw in reversed(raws)}
    for row, raw in zip(embedded, raws[1:], strict=True):
        container = by_id.get(row.container_run_id, raws[0])
        key = "member_responses" if "team_id" in container else "step_executor_runs"
        container.setdefault(key, []).append(raw)
    return parse_run(raws[0])


def _skeleton_raw(row: CatalogRun) -> dict[str, Any]:
    return {"run_id": row.run_id, f"{row.kind}_id": "", "parent_run_id": row.parent_run_id, _ROW: row}


def _row_in(node: RunNode) -> CatalogRun:
    return cast(CatalogRun, node.run.raw[_ROW] if isinstance(node.run, Run) else node.run.raw)


def _bad_row(stub: RunStub, run: BadRun) -> CatalogRun:
    return CatalogRun(
        kind="bad", run_id=stub.run_id, run_key=stub.run_id and index_key(stub.run_id),
        position=stub.position, status="", created_at=stub.created_at, size=stub.size, problem=run.problem,
        mark=_mark(stub, 0),
    )  # fmt: skip


def _row(run: Run, stub: RunStub, container: RunNode | None) -> CatalogRun:
    metrics = run.metrics
    counted = metrics is not None and not isinstance(run, WorkflowRunOutput)
    executions = run.tools
    tools = Counter(map(_tool_name, executions))
    failures = Counter(_tool_name(tool) for tool in executions if tool.tool_call_error is True)
    messages = run.messages
    copies = [message for message in messages if message.from_history]
    media = list(media_of(run, messages))
    copied = sum(json_bytes(message.raw) for message in copies)
    inside = container.run.run_id if container is not None and isinstance(container.run, Run) else None
    row = CatalogRun(
        run_id=run.run_id,
        run_key=None if run.run_id is None else index_key(run.run_id),
        stored=container is None,
        position=stub.position,
        container_run_id=inside,
        parent_run_id=run.parent_run_id,
        kind=run.kind,
        component_id=run.component_id,
        component_name=clean_or_none(run.component_name),
        status=clean(run.status or "", 40),
        created_at=run.created_at,
        model=clean_or_none(run.model),
        input_tokens=metrics.input_tokens if metrics and counted else None,
        output_tokens=metrics.output_tokens if metrics and counted else None,
        total_tokens=metrics.tokens if metrics and counted else None,
        told_cost=metrics.cost if metrics and counted else None,
        usage=[_usage_row(line) for line in usage_of(run)],
        duration=metrics.duration if metrics else None,
        first_token=metrics.time_to_first_token if metrics and counted else None,
        message_count=len(messages),
        own_message_count=len(messages) - len(copies),
        tool_call_count=sum(tools.values()),
        tool_error_count=sum(failures.values()),
        tool_names=dict(tools),
        tool_failures=dict(failures),
        input_preview=_preview(run.input_text),
        content_preview=_preview(run.content_text),
        size=stub.size if container is None else 0,
        cached_tokens=metrics.cache_read_tokens if metrics and counted else None,
        media_bytes=sum(map(stored_bytes, media)),
        media_count=len(media),
        history_bytes=copied,
        traits=traits(run, media, messages, copied),
        step_count=sum(1 for _ in all_steps(run)) if isinstance(run, WorkflowRunOutput) else None,
    )
    row.unstored_texts = parts_of_run(run, messages, is_inside=container is not None)
    return row


def _usage_row(line: Usage) -> list[Any]:
    role, provider, model = (clean(name) for name in line[:3])
    return as_row(line._replace(role=role, provider=provider, model=model))


def _mark(stub: RunStub, inside: int) -> str:
    mark = stub_mark(stub)
    return f"{mark}{_INSIDE}{inside}" if mark else ""


def _tool_name(tool: Any) -> str:
    return clean(tool.tool_name or "", PREVIEW_CHARACTERS)


def _preview(text: str) -> str:
    return one_line(text, PREVIEW_CHARACTERS)


def sums(rows: list[CatalogRun]) -> dict[str, Any]:
    """Return the session's counts: plain ones over stored runs, the others over the whole forest."""
    good = [row for row in rows if row.kind != "bad"]
    stored = [row for row in good if row.stored]
    tools: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    for row in good:
        tools.update(row.tool_names)
        failures.update(row.tool_failures)
    return {
        "run_count": len(stored),
        "top_level_run_count": sum(row.parent_run_id is None for row in stored),
        "forest_run_count": len(good),
        "message_count": sum(row.message_count for row in stored),
        "own_message_count": sum(row.own_message_count for row in stored),
        "tool_call_count": min(sum(tools.values()), _MAX_INT),
        "tool_error_count": sum(row.tool_error_count for row in good),
        "tool_calls_by_name": dict(sorted(tools.items())),
        "tool_failures": dict(sorted(failures.items())),
        "error_count": sum(row.status == "ERROR" for row in good),
        "input_tokens": total(row.input_tokens for row in good),
        "output_tokens": total(row.output_tokens for row in good),
        "total_tokens": total(row.total_tokens for row in good),
        "duration": total(row.duration for row in good if row.depth == 0),
        "cached_tokens": total(row.cached_tokens for row in good),
        "member_run_count": _members(rows),
        "step_count": min(sum(row.step_count or 0 for row in good), _MAX_INT),
        "stored_bytes": sum(row.size for row in rows),
        "media_bytes": sum(row.media_bytes for row in good),
        "media_count": sum(row.media_count or 0 for row in good),
        "history_bytes": sum(row.history_bytes for row in good),
    }


def _members(rows: list[CatalogRun]) -> int:
    """Count the runs that stand below a team's; `rows` come depth first."""
    kinds: list[str] = []
    members = 0
    for row in rows:
        del kinds[row.depth :]
        members += bool(kinds) and kinds[-1] == "team"
        kinds.append(row.kind)
    return members


def total(values: Iterable[Any]) -> Any:
    """Return the sum of what is known, None when nothing is; at most what a column holds."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    most = sys.float_info.max if isinstance(known[0], float) else _MAX_BIGINT
    return max(-most, min(sum(known), most))
