"""What the answers of chat completions and of the Responses API are read with: tolerant of any JSON."""

from collections.abc import Mapping
from typing import Any

from agentos.llm.base import Json, ModelError
from agentos.records import Metrics


def as_json(item: Any) -> Json:
    """Return an object of the openai client as the JSON it was made of.

    Raises:
        TypeError: the server sent something else than an object.
    """
    dump = getattr(item, "to_dict", None)
    if dump is None:
        raise TypeError(type(item).__name__)
    return obj(dump(warnings=False))


def obj(value: Any) -> Json:
    """Return the object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a list, none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """Return the text, empty for anything else."""
    return value if isinstance(value, str) else ""


def counts(known: Mapping[str, Any], cost: Any = None) -> Metrics:
    """Return token counts under Agno's names; those that are zero, missing or no numbers are left out."""
    kept: Json = {key: count for key, count in known.items() if type(count) is int and count > 0}
    if isinstance(cost, float | int) and not isinstance(cost, bool) and 0 < cost < float("inf"):
        kept["cost"] = float(cost)
    return Metrics.from_dict(kept)


def citations_of(annotations: list[Json]) -> Json | None:
    """Return URL citations in Agno's shape (`raw` as the server sent them, `urls`); None when there are none."""
    cited = [each for each in annotations if each.get("type") == "url_citation"]
    urls = []
    for each in cited:
        where = obj(each.get("url_citation")) or each
        link = {key: where[key] for key in ("url", "title") if isinstance(where.get(key), str)}
        urls += [link] if link and link not in urls else []
    return {"raw": cited, "urls": urls} if cited else None


def failed(failure: Any) -> ModelError:
    """Return the error for one that the server reports within its answer, with its words cut short."""
    said = str(failure.get("message") if isinstance(failure, dict) else failure)[:300]
    return ModelError(f"The model server failed while it was answering: {said}. Send the message again.")
