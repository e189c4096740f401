"""Reads an exported session from a file, a run at a time, and believes nothing of what it says."""

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, NoReturn

from agentos.db.exact import JSON_COLUMNS, ROW_COLUMNS, StoredRun
from agentos.records import RecordError, loads
from agentos.transfer.envelope import FORMAT, VERSION

# Bytes of a file that is taken in: what a database holds in one value is no more than a gigabyte.
LARGEST: Final = 1_000_000_000
_CHUNK: Final = 1 << 16
_SPACE: Final = " \t\r\n"


class BadFile(Exception):
    """The file is no exported session, or a damaged one; `str()` says in a sentence what is wrong, and where."""


@dataclass
class Document:
    """What stands around the runs: known once all runs were read."""

    head: dict[str, Any] = field(default_factory=dict)

    @property
    def session(self) -> dict[str, Any]:
        """The session's columns, those that were kept as text read from it.

        Raises:
            BadFile: there is none, or one of its columns cannot be read.
        """
        session, texts = self.head.get("session"), self.head.get("session_text") or {}
        if not isinstance(session, dict) or not isinstance(texts, dict):
            raise BadFile("The file has no session in it.")
        for name, text in texts.items():
            if name not in JSON_COLUMNS:
                raise BadFile("Its session_text names something that is no JSON column of a session.")
            session = {**session, name: _read(text, f"The column {name}")}
        return session


def entries(file: BinaryIO, document: Document) -> Iterator[StoredRun]:
    """Yield the runs of a file from its beginning, and put everything else into `document`.

    Raises:
        BadFile: with the first thing that is wrong.
    """
    file.seek(0)
    text = _Text(file)
    text.take("{", "The file is no JSON object.")
    more = text.peek() != "}"
    while more:
        key = text.value("a name")
        text.take(":", "A name has no value.")
        if key in document.head:
            raise BadFile(f"The file says {json.dumps(key)[:40]} twice.")
        if key == "runs":
            document.head["runs"] = None
            yield from _runs(text)
        else:
            document.head[key] = text.value(f"the value of {json.dumps(key)[:40]}")
        if key in ("format", "version"):
            _check_format(document.head)
        more = text.goes_on("}")
    if not document.head:
        text.take("}", "The file is no JSON object.")
    if text.peek():
        text.refuse("Something stands behind the end of the session.")
    _check_format(document.head, whole=True)


def _check_format(head: dict[str, Any], *, whole: bool = False) -> None:
    if (whole or "format" in head) and head.get("format") != FORMAT:
        raise BadFile("The file is no session that was exported as exact JSON.")
    if (whole or "version" in head) and head.get("version") != VERSION:
        raise BadFile(f"The file is of another version of the format; this program reads version {VERSION}.")
    if whole and "runs" not in head:
        raise BadFile("The file has no runs in it, not even an empty list.")


def _runs(text: "_Text") -> Iterator[StoredRun]:
    text.take("[", "The runs of the file are no list.")
    if text.peek() == "]":
        text.take("]", "")
        return
    number, more = 0, True
    while more:
        number += 1
        yield _stored_run(text.value(f"run {number}"), number)
        more = text.goes_on("]")


def _stored_run(entry: Any, number: int) -> StoredRun:
    where = f"Run {number} of the file"
    if not isinstance(entry, dict) or ("data" in entry) == ("text" in entry):
        raise BadFile(f"{where} is no entry with either data or text.")
    value = entry["data"] if "data" in entry else _read(entry["text"], where)
    columns = entry.get("columns", {})
    if entry.get("place") not in ("row", "list") or not isinstance(columns, dict):
        raise BadFile(f"{where} does not say whether it was a row or in a list.")
    if not columns.keys() <= set(ROW_COLUMNS):
        raise BadFile(f"{where} has a column that no run has.")
    return StoredRun(entry["place"], value, columns)


def _read(text: Any, where: str) -> Any:
    """Return what was kept as text.

    Raises:
        BadFile: it was kept so because it is no JSON.
    """
    try:
        value = loads(text) if isinstance(text, str) else None
    except RecordError as error:
        raise BadFile(f"{where} was no JSON where it was stored, so it cannot be imported: {error}") from None
    if not isinstance(value, dict | list):
        raise BadFile(f"{where} was no JSON object where it was stored, so it cannot be imported.")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


class _Text:
    """The text of a file, of which only the value that is read is in memory."""

    _decoder: Final = json.JSONDecoder(parse_constant=_no_constant)

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._buffer = ""
        self._at = 0
        self._passed = 0  # characters before the buffer
        self._size = 0
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")()

    def peek(self) -> str:
        """Return the next character that is no space, "" at the end."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _SPACE:
                    return self._buffer[self._at]
                self._at += 1
            if not self._fill():
                return ""

    def take(self, expected: str, problem: str) -> None:
        """Go past one character."""
        if self.peek() != expected:
            self.refuse(problem)
        self._at += 1

    def goes_on(self, end: str) -> bool:
        """Go past a comma, and say so, or past the end of a list or object."""
        found = self.peek()
        if found not in (",", end):
            self.refuse("The file is cut short." if not found else "A comma is missing.")
        self._at += 1
        return found == ","

    def value(self, what: str) -> Any:
        """Read one JSON value."""
        self.peek()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._buffer, self._at)
            except RecursionError:
                raise BadFile(f"In {what}, JSON is nested too deeply to be read.") from None
            except ValueError as error:
                if self._fill():
                    continue
                reason = error.msg if isinstance(error, json.JSONDecodeError) else "a number that JSON does not have"
                self.refuse(f"The JSON of {what} cannot be read: {reason}.")
            if end < len(self._buffer) or not self._fill():  # a number may go on
                self._at = end
                return found

    def refuse(self, problem: str) -> NoReturn:
        """Say what is wrong, and where."""
        raise BadFile(f"{problem} (At character {self._passed + self._at + 1:,} of the file.)")

    def _fill(self) -> bool:
        """Read as much again as is there, so that a long value is not begun too often; return whether there was any."""
        data = self._file.read(max(_CHUNK, len(self._buffer) - self._at))
        self._size += len(data)
        if self._size > LARGEST:
            raise BadFile(f"The file is larger than {LARGEST // 1_000_000:,} MB.")
        try:
            more = self._utf8.decode(data, final=not data)
        except UnicodeDecodeError:
            raise BadFile("The file is no text in UTF-8.") from None
        self._passed += self._at
        self._buffer, self._at = self._buffer[self._at :] + more, 0
        return bool(data)
