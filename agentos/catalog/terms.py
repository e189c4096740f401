"""Terms: what a session may be looked for by that has several values, as rows of CatalogTerm.

A term is the name of a field, a colon, and a value: `tool:get_weather`, `state.cart.total:42`. Beginnings are found
whatever the case of their letters, so a value with capital letters has a second term, `tool~:get_weather` for
`Get_Weather`: an index can walk along the beginnings of texts, not of texts as they would be in small letters.

Of session state and metadata, scalars become terms: down to three keys deep, the first MOST_SCALARS of each, values up
to VALUE_CHARACTERS characters. Lists count as their items. A key with other characters than letters, digits, `_`,
`-` and `.` cannot be written in a query and is passed over, with what is below it.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from agentos.catalog.keys import clean, index_key
from agentos.records import Session, dumps

if TYPE_CHECKING:
    from agentos.catalog.models import CatalogRun

TERM_CHARACTERS: Final = 200
DEPTH: Final = 3
MOST_SCALARS: Final = 40
VALUE_CHARACTERS: Final = 100
# Values of one other field that a session has terms of.
MOST_VALUES: Final = 200
MOST_TAGS: Final = 50
# Of a longer term so many characters are kept, for what is looked for by its beginning, and its hash.
_KEPT: Final = 120
_KEY: Final = re.compile(r"[\w.-]+")
# Objects and lists that are looked into, however many there are.
_MOST_VISITED: Final = 1_000
_STATUSES: Final = {"ERROR": "error", "PAUSED": "paused"}
_TRAITS: Final = ("audio", "file", "image", "reasoning", "video")


def term_of(field: str, value: str) -> str:
    """Return the term of a field's value: equal terms for equal values only, at most TERM_CHARACTERS long."""
    term = f"{field}:{clean(value)}"
    if len(term) <= TERM_CHARACTERS:
        return term
    return f"{term[:_KEPT]}…{hashlib.sha256(term.encode()).hexdigest()}"


def folded(field: str, value: str) -> str:
    """Return the second term of a value that is not in small letters, as looked for by its beginning."""
    return term_of(f"{field}~", value.lower())


def beginnings(field: str, begun: str) -> tuple[str, str]:
    """Return how terms begin whose value begins with `begun` in any case: first terms in small letters, second terms.

    Of a value so long that its term is shortened, no more than what is kept of it is found.
    """
    small = clean(begun.lower())
    return f"{field}:{small}"[:TERM_CHARACTERS], f"{field}~:{small}"[:TERM_CHARACTERS]


def terms_of(session: Session, runs: Iterable["CatalogRun"], values: dict[str, Any]) -> set[str]:
    """Return all terms of a session. `runs`: the rows of its runs; `values`: of its own row."""
    return set[str]().union(*(of_value(field, value) for field, value in _valued(session, list(runs), values)))


def of_value(field: str, value: str) -> set[str]:
    """Return the terms of a value: one, and a second if it has capital letters."""
    return {term_of(field, value)} if value == value.lower() else {term_of(field, value), folded(field, value)}


def tags_of(session: Session) -> list[str]:
    """Return the tags of a session: a list of texts, or a text with commas, under `tags` or `tag` of its metadata."""
    metadata = session.metadata or {}
    found: list[str] = []
    for key in ("tags", "tag"):
        stored = metadata.get(key)
        parts = stored.split(",") if isinstance(stored, str) else stored if isinstance(stored, list) else []
        found += [clean(part, VALUE_CHARACTERS).strip() for part in parts if isinstance(part, str)]
    return list(dict.fromkeys(filter(None, found)))[:MOST_TAGS]


def scalars(value: Any) -> Iterator[tuple[str, str]]:
    """Yield path and text of the scalars in an object, the outer ones first. Null is no value; true reads `true`."""
    level: list[tuple[str, Any]] = [("", value)]
    visited = 0
    for _ in range(DEPTH):
        inner: list[tuple[str, Any]] = []
        for path, holder in level:
            for key, item in holder.items() if isinstance(holder, dict) else ():
                if not _KEY.fullmatch(key):
                    continue
                for one in item if isinstance(item, list) else (item,):
                    if (visited := visited + 1) > _MOST_VISITED:
                        return
                    if isinstance(one, dict):
                        inner.append((f"{path}{key}.", one))
                    elif (text := _text(one)) is not None:
                        yield f"{path}{key}", text
        level = inner


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value if 0 < len(value) <= VALUE_CHARACTERS else None
    return dumps(value) if isinstance(value, bool | int | float) else None


def _valued(session: Session, runs: list["CatalogRun"], values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    models = dict.fromkeys(filter(None, (values["model"], *(run.model for run in runs))))
    fields: dict[str, Iterable[str]] = {
        "tool": values["tool_calls_by_name"],
        "model": models,
        "topic": values["topics"],
        "tag": values["tags"],
        "has": _has(runs, values),
        "health": values["health"],
        "fork_of": map(index_key, filter(None, [session.forked_from_session_id])),
    }
    for field, found in fields.items():
        yield from ((field, value) for value in list(found)[:MOST_VALUES])
    for field, value in (("state", session.session_state), ("meta", session.metadata)):
        pairs = dict.fromkeys((f"{field}.{clean(path)}", text) for path, text in scalars(value))
        yield from list(pairs)[:MOST_SCALARS]


def _has(runs: list["CatalogRun"], values: dict[str, Any]) -> set[str]:
    found = {_STATUSES[run.status] for run in runs if run.status in _STATUSES}
    found.update(trait for run in runs for trait in run.traits if trait in _TRAITS)
    return found | {"summary"} if values["has_summary"] else found
