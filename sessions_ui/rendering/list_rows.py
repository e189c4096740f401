"""Rows of the list of sessions as HTML. They are the largest part of the page, so they are joined, not templated.

Every stored text passes `short_text` or `escape`; everything else written here is ours or a number.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import quote as quote_url

from django.utils.safestring import SafeString

from agentos.catalog.models import CatalogSession
from sessions_ui.rendering.text import plain
from sessions_ui.templatetags.sessions import (
    ago,
    cost,
    duration,
    glyph,
    icon,
    kind_icon,
    readable,
    run_strip,
    size,
    tokens,
)

_UNKNOWN = '<span class="unknown">unknown</span>'
_HELD, _WITH_OVER = ' class="is-held"', '<div class="with-over">'
_ZERO = '<span class="zero">0</span>'
# As Django's `reverse` quotes a part of a path.
PATH_SAFE = "!$&'()*+,;=/~:@"


@dataclass(frozen=True)
class Reader:
    """For whom rows are drawn: their key, and whether they are told what colleagues put over sessions."""

    key: int = 0
    is_staff: bool = True


def drawn_rows(
    rows: Iterable[CatalogSession], columns: Sequence[str], base: str, reader: Reader | None = None
) -> SafeString:
    """Return the rows of the table's body with the cells of these columns; `base` is the address of the list."""
    cells = [(name, CELLS[name]) for name in columns if name != "title"]
    return SafeString("".join(_row(row, cells, base, reader or Reader()) for row in rows))


def fields_of(columns: Iterable[str]) -> list[str]:
    """Return what has to be read of sessions to draw them with these columns."""
    return list(dict.fromkeys([*_ALWAYS, *(field for name in columns for field in _FIELDS.get(name, (name,)))]))


def _row(
    row: CatalogSession, cells: "Sequence[tuple[str, Callable[[CatalogSession], str]]]", base: str, reader: Reader
) -> str:
    source, qid, is_held = row.source, row.quoted_id, bool(row.marks.get("held"))
    title, over, address = short_text(row.title, 160), _over(row, reader), _address(base, source, qid)
    parts = [
        f"<tr{_HELD if is_held else ''}>",
        '<td class="pick"><label><input type="checkbox" name="pick"',
        f' value="{escape(source)}/{escape(qid)}"'
        f' form="bulk"><span class="visually-hidden">Select {title or "Untitled session"}</span></label></td>'
        f'<td class="marks">{kind_icon(row.session_type)} {glyph(row.last_status)}</td>'
        f'<td class="title">{_WITH_OVER if over else ""}<div class="line">'
        f'<a href="{address}" data-row>'
        + (f"<bdi>{title}</bdi>" if title else '<bdi class="untitled">Untitled session</bdi>')
        + "</a>",
    ]
    if row.problem:
        parts.append(f'<span class="tag" title="{escape(readable(row.problem))}">{short_text(row.problem, 40)}</span>')
    parts += [f'<span class="tag"><bdi>{short_text(tag, 30)}</bdi></span>' for tag in row.marks.get("tags", ())[:2]]
    if row.preview and not is_held:
        shown = f"<bdi>{short_text(row.preview, 140)}</bdi>"
        parts.append(f'<a class="preview" href="{address}preview/" tabindex="-1">{shown}</a>')
    parts.append(f"</div>{over}</div></td>" if over else "</div></td>")
    parts += [cell(row) for _, cell in cells]
    parts.append("</tr>")
    return "".join(parts)


def _over(row: CatalogSession, reader: Reader) -> str:
    """Return what people put over the session, as icons at the end of its title's line."""
    marks = row.marks
    shown: list[str] = [icon("lock", "On hold", "small")] if marks.get("held") else []
    if reader.is_staff:
        told = (("flags", "flag", "Flagged"), ("notes", "note", "Has notes"), ("taken_over", "operator", "Taken over"))
        shown += [icon(name, word, "small") for mark, name, word in told if marks.get(mark)]
        shown += [icon("archive", "Archived", "small")] if marks.get("archived") else []
        words = ("hidden", "Hidden"), ("deleted", "Deleted")
        shown += [f'<span class="stamp-label">{icon("lock", "", "small")} {w}</span>' for m, w in words if marks.get(m)]
    if reader.key in marks.get("stars", ()):
        shown.append(icon("star", "Starred by you", "small"))
    return f'<span class="over">{"".join(shown)}</span>' if shown else ""


def _address(base: str, source: str, qid: str) -> str:
    return escape(f"{base}{_in_path(source)}/{_in_path(qid)}/")


def _in_path(text: str) -> str:
    """Return a part of a path, quoted. Most are ids of letters, figures and hyphens, which stand there as they are."""
    plain_id = text.isascii() and text.replace("-", "").isalnum()
    return text if plain_id else quote_url(text, safe=PATH_SAFE)


def short_text(text: str, limit: int) -> SafeString:
    """Return the beginning of a stored text as HTML. Most have only characters that are shown as they are."""
    shown = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return SafeString(escape(shown)) if shown.isprintable() and limit < 200 else plain(shown)


def _agent(row: CatalogSession) -> str:
    name = f"<bdi>{short_text(row.component, 60)}</bdi>" if row.component else _UNKNOWN
    who = f'<span class="phone"> · <bdi>{short_text(row.user_id, 40)}</bdi></span>' if row.user_id else ""
    return f'<td class="agent">{name}{who}</td>'


def _user(row: CatalogSession) -> str:
    shown = f"<bdi>{short_text(row.user_id, 60)}</bdi>" if row.user_id else '<span class="unknown">no user</span>'
    return f'<td class="user">{shown}</td>'


def _runs(row: CatalogSession) -> str:
    return f'<td class="runs"><span class="n">{row.top_level_run_count:,}</span>{run_strip(row.run_strip)}</td>'


def _tools(row: CatalogSession) -> str:
    failed = f' <span class="errors">/ {row.tool_error_count:,}</span>' if row.tool_error_count else ""
    return f'<td class="toolcalls num">{_count(row.tool_call_count)}{failed}</td>'


def _errors(row: CatalogSession) -> str:
    shown = f'<span class="errors">{row.error_count:,}</span>' if row.error_count else _ZERO
    return f'<td class="failed num">{shown}</td>'


def _tags(row: CatalogSession) -> str:
    tags = [*row.tags, *row.marks.get("tags", ())][:6]
    shown = " ".join(f'<span class="tag"><bdi>{short_text(str(tag), 30)}</bdi></span>' for tag in tags)
    return f'<td class="tags">{shown}</td>'


def _health(row: CatalogSession) -> str:
    return f'<td class="health">{", ".join(short_text(str(mark), 40) for mark in row.health[:6])}</td>'


def _cost(row: CatalogSession) -> str:
    if row.computed_cost is None:
        return str(cost(row.cost))
    return f'<span title="From the price table, all of it or a part">≈{cost(row.cost)}</span>'


def _count(number: int) -> str:
    return f"{number:,}" if number else _ZERO


def _number(classes: str, shown: Callable[[CatalogSession], object]) -> Callable[[CatalogSession], str]:
    return lambda row: f'<td class="{classes} num">{shown(row)}</td>'


def _words(classes: str, shown: Callable[[CatalogSession], str | None]) -> Callable[[CatalogSession], str]:
    return lambda row: (
        f'<td class="{classes}">{f"<bdi>{short_text(text, 60)}</bdi>" if (text := shown(row)) else _UNKNOWN}</td>'
    )


# What a row is drawn from in any case, and what each column needs besides.
_ALWAYS: Final = (
    "id", "source", "session_id", "session_type", "last_status", "title", "problem", "preview", "updated_at", "marks",
)  # fmt: skip
_FIELDS: Final = {
    "component": ("component_id", "component_name", "user_id"),
    "user": ("user_id",),
    "runs": ("top_level_run_count", "run_strip"),
    "messages": ("own_message_count",),
    "tools": ("tool_call_count", "tool_error_count"),
    "errors": ("error_count",),
    "tokens": ("total_tokens",),
    "tokens_in": ("input_tokens",),
    "tokens_out": ("output_tokens",),
    "cost": ("cost", "computed_cost"),
    "size": ("stored_bytes",),
    "created": ("created_at",),
    "updated": ("updated_at",),
}
CELLS: dict[str, Callable[[CatalogSession], str]] = {
    "component": _agent,
    "user": _user,
    "source": _words("source", lambda row: row.source),
    "model": _words("model", lambda row: row.model),
    "tags": _tags,
    "health": _health,
    "runs": _runs,
    "messages": _number("messages", lambda row: _count(row.own_message_count)),
    "tools": _tools,
    "errors": _errors,
    "tokens": _number("tokens", lambda row: tokens(row.total_tokens)),
    "tokens_in": _number("tokens", lambda row: tokens(row.input_tokens)),
    "tokens_out": _number("tokens", lambda row: tokens(row.output_tokens)),
    "cost": _number("cost", _cost),
    "duration": _number("duration", lambda row: duration(row.duration)),
    "size": _number("size", lambda row: size(row.stored_bytes)),
    "created": _number("created", lambda row: ago(row.created_at)),
    "updated": _number("updated", lambda row: ago(row.updated_at)),
}
