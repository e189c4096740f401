"""A session as Markdown: to be read, in any viewer, without what was said in it becoming part of the page.

Outside of code, nothing that was stored can begin a heading, HTML, a link or a picture. Code keeps its look: every
block is written anew, in a fence longer than any inside it.
"""

import re
from collections.abc import Iterator
from typing import Final

from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.records import NOBODY, Session, readable
from agentos.records.text import as_text
from agentos.transfer.options import Options
from agentos.transfer.transcript import Heading, Part, heading, parts, session_facts, session_title
from agentos.transfer.walk import told

# What a code block may say it is: other words could make a viewer draw or run it.
LANGUAGES: Final = frozenset(
    """bash c cpp css diff dockerfile go html http ini java javascript js json kotlin lua makefile php powershell python
    py r ruby rust scala sh sql swift text toml ts typescript xml yaml""".split()
)
_FENCE: Final = re.compile(r"(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^`\n]*$")
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")
# What would make the line above it a heading, and what would make its own line one, in lists and quotes as well.
_UNDERLINE: Final = re.compile(r"^[ \t>]*(?=(?:-+|=+)[ \t]*$)")
_HEADING: Final = re.compile(r"^(?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*(?=#)")
_PUNCTUATION: Final = re.compile(r"([\\`*_\[\]~|])")
# Controls, and marks that turn text around: what is read would not be what is there.
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LABELS: Final = {"user": "User", "assistant": "Assistant", "system": "Instructions", "problem": "Problem"}


def markdown(source: Source, session_id: str, options: Options) -> Iterator[str]:
    """Yield a transcript in pieces; nothing when there is no such session.

    Raises:
        SourceUnavailable: the source cannot be read (any more).
    """
    reader = Reader(source)
    session = reader.session(session_id)
    if session is None:
        return
    yield _head(session, len(reader.run_stubs(session_id)), options)
    people = options.people(source.name, session_id)
    for each in told(source, session_id):
        by = people.get(each.run_id, NOBODY)
        yield _heading(heading(each, options.mask, by))
        yield from (_part(part) for part in parts(each.run, options.mask, by))


def _head(session: Session, run_count: int, options: Options) -> str:
    facts = session_facts(session, run_count, options.mask)
    lines = [f"# {inline(session_title(session, options.mask))}", "", *_facts(facts)]
    if session.summary_text:
        lines += ["", "**Summary**", "", block(options.mask(session.summary_text))]
    if session.session_state:
        lines += ["", "**State**", "", fenced(options.mask(as_text(session.session_state)), "json")]
    return "\n".join(lines) + "\n"


def _heading(found: Heading) -> str:
    title = f"Run {found.number}: {found.name}" if not found.depth else f"{found.kind.capitalize()} {found.name}"
    return "\n".join([f"\n{'#' * min(found.depth + 2, 6)} {inline(title)}", "", *_facts(found.facts), ""])


def _facts(facts: list[tuple[str, str]]) -> list[str]:
    return [f"- {name}: {inline(value)}" for name, value in facts]


def _part(part: Part) -> str:
    label = f"**{_LABELS.get(part.kind, part.kind.capitalize())}**"
    note = f" ({inline(part.note)})" if part.note else ""
    if part.kind == "reasoning":
        return f"\n{label}\n\n" + "\n".join(f"> {line}".rstrip() for line in block(part.text).splitlines()) + "\n"
    if part.kind == "media":
        return f"\n- {inline(part.who)}: {inline(part.text)}\n"
    if part.kind == "tool":
        arguments = f"\n{fenced(part.arguments, 'json')}\n" if part.arguments else ""
        result = f"\n{fenced(part.text)}\n" if part.text else ""
        return f"\n**Tool** {inline(part.who)}{note}\n{arguments}{result}"
    if part.kind == "step":
        return f"\n**Step** {'› ' * part.depth}{inline(part.who)}{note}\n\n{block(part.text)}\n"
    return f"\n{label}{note}\n\n{block(part.text)}\n"


def fenced(text: str, language: str = "") -> str:
    """Return text as a block of code, in a fence longer than any inside it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{_visible(text)}\n{fence}"


def inline(text: str) -> str:
    """Return text as a part of one line, character by character."""
    one_line = " ".join(_visible(text).split())[:500]
    return _PUNCTUATION.sub(r"\\\1", _ENTITY.sub("&amp;", one_line)).replace("<", "&lt;")


def block(text: str) -> str:
    """Return what was said in Markdown with its lists, emphasis and code, but without HTML, headings and links."""
    lines = _visible(text).split("\n")
    written: list[str] = []
    at = 0
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        if opening is None:
            written.append(_escaped(lines[at]))
            at += 1
            continue
        inside, at = _fenced_lines(lines, at + 1, opening[1])
        language = opening[2].lower()
        written += ["", fenced("\n".join(inside), language if language in LANGUAGES else ""), ""]
    return "\n".join(written).strip("\n")


def _fenced_lines(lines: list[str], start: int, fence: str) -> tuple[list[str], int]:
    """Return the lines up to the one that closes a fence, and where the text goes on."""
    for at in range(start, len(lines)):
        closing = lines[at].strip()
        if len(closing) >= len(fence) and not closing.strip(fence[0]):
            return lines[start:at], at + 1
    return lines[start:], len(lines)


def _escaped(line: str) -> str:
    """Return a line outside of code in which nothing but emphasis, lists and code in the line is left of Markdown."""
    line = _ENTITY.sub("&amp;", line).replace("\\", "\\\\").replace("<", "&lt;").replace("[", "\\[")
    line = line.replace("```", "\\`\\`\\`").replace("~~~", "\\~\\~\\~")
    return _HEADING.sub(r"\g<0>\\", _UNDERLINE.sub(r"\g<0>\\", line))


def _visible(text: str) -> str:
    """Return text with line ends alike, and characters that steer a terminal or turn text around as their numbers."""
    plain = readable(text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub(lambda found: f"[U+{ord(found[0]):04X}]", plain)
