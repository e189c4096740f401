"""The totals of a session, kept as Agno keeps them: token counts of every run added up, by model role as well."""

from collections.abc import Iterator
from typing import Any, Final

from agentos.records import TOKEN_KEYS

# What is added up of each metrics object.
_SUMMED: Final = (*TOKEN_KEYS, "cost")


def run_metrics(run: dict[str, Any], skip: frozenset[str] = frozenset()) -> Iterator[dict[str, Any]]:
    """Yield every metrics object that counts towards the session when `run` is stored.

    A run counts its own, a team run also those of the members embedded in it, a workflow run those of its steps
    (its `step_executor_runs` repeat them). `skip`: run ids stored as entries of their own, counted then.
    """
    metrics = run.get("metrics")
    if isinstance(metrics, dict):
        steps = metrics.get("steps")
        if isinstance(steps, dict):
            yield from (step["metrics"] for step in steps.values() if isinstance(_get(step, "metrics"), dict))
        else:
            yield metrics
    for member in member_runs(run):
        if member.get("run_id") not in skip:
            yield from run_metrics(member, skip)


def member_runs(run: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the member runs embedded directly in a team run."""
    members = run.get("member_responses")
    return [member for member in members if isinstance(member, dict)] if isinstance(members, list) else []


def member_ids(run: dict[str, Any]) -> list[str]:
    """Return the run ids of all embedded member runs, however deep."""
    found = []
    for member in member_runs(run):
        if isinstance(member.get("run_id"), str):
            found.append(member["run_id"])
        found += member_ids(member)
    return found


def add(total: dict[str, Any], metrics: dict[str, Any], sign: int = 1) -> None:
    """Add run metrics to a session's total in place, or take them out again with `sign` -1."""
    _add_numbers(total, metrics, _SUMMED, sign)
    _add_details(total, metrics.get("details"), sign)
    extra = metrics.get("additional_metrics")
    if isinstance(extra, dict):
        _add_numbers(_object(total, "additional_metrics"), extra, tuple(extra), sign)


def _add_details(total: dict[str, Any], details: Any, sign: int) -> None:
    """Merge entries that have the same role, provider and model id, as Agno does."""
    if not isinstance(details, dict):
        return
    for role, entries in details.items():
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict):
                _add_numbers(_same_model(_object(total, "details"), role, entry), entry, _SUMMED, sign)


def _same_model(details: dict[str, Any], role: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return the total's entry for this role, provider and id, made if there is none."""
    known = details.get(role)
    if not isinstance(known, list):
        known = details[role] = []
    for candidate in known:
        if all(_get(candidate, key) == entry.get(key) for key in ("id", "provider")):
            return candidate  # type: ignore[no-any-return]  # _get() matched an object's keys
    new: dict[str, Any] = {key: entry[key] for key in ("id", "provider") if key in entry}
    known.append(new)
    return new


def _add_numbers(total: dict[str, Any], metrics: dict[str, Any], keys: tuple[str, ...], sign: int) -> None:
    for key in keys:
        value = metrics.get(key)
        if _number(value) and value:
            known = total.get(key)
            total[key] = (known if _number(known) else 0) + sign * value


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _object(parent: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the object under `key`, put there if something else is."""
    if not isinstance(parent.get(key), dict):
        parent[key] = {}
    found: dict[str, Any] = parent[key]
    return found


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
