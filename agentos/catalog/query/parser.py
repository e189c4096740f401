"""From text to a query's tree. The grammar is Lark's; what a field's value means is read by `values`."""

import re
from functools import cache
from typing import Any, Final

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from agentos.catalog.query.errors import QueryError
from agentos.catalog.query.fields import KEYED, KEYED_NAME, field_of
from agentos.catalog.query.tree import Node, Not, Term, Words, all_of, any_of
from agentos.catalog.query.values import read_value

MAX_CHARACTERS: Final = 4_000
MAX_DEPTH: Final = 12
MAX_TERMS: Final = 100
GRAMMAR: Final = r"""
    start: either
    either: both (_OR both)*
    both: _unary+
    _unary: negated | _atom
    negated: "-" _atom
    _atom: "(" either ")" | term | words
    term: FIELD (VALUE | QUOTED)
    words: WORD | QUOTED

    _OR.3: /or(?=[\s()"]|$)/i
    FIELD.2: /(?:@keyed@|[A-Za-z][\w.]*):/
    QUOTED: /"(?:[^"\\]|\\.)*"\*?/s
    WORD: /(?!or(?:[\s()"]|$))[^\s"()\-][^\s"()]*/i
    VALUE: /[^\s"()]+/
    %ignore /\s+/
"""
_NAME: Final = rf"(?:{KEYED_NAME}|[A-Za-z][\w.]*):"
_QUOTABLE: Final = re.compile(r"\\(.)", re.DOTALL)


def parse(text: str) -> Node | None:
    """Return what `text` asks for, None when it is blank. Raises QueryError."""
    if len(text) > MAX_CHARACTERS:
        raise QueryError(f"A query has at most {MAX_CHARACTERS:,} characters.", MAX_CHARACTERS, 1)
    # Databases store no NUL, so nothing could match one.
    text = text.replace("\0", " ")
    if not text.strip():
        return None
    _check_depth(text)
    try:
        tree = _lark().parse(text)
    except UnexpectedInput as problem:
        raise _located(text, problem) from None
    if sum(1 for _ in tree.find_pred(lambda part: part.data in ("term", "words"))) > MAX_TERMS:
        raise QueryError(f"A query has at most {MAX_TERMS} parts.", 0, len(text))
    try:
        node: Node = _Builder().transform(tree)
    except VisitError as problem:
        raise problem.orig_exc from None
    return node


@cache
def _lark() -> Lark:
    return Lark(GRAMMAR.replace("@keyed@", KEYED_NAME), parser="lalr")


class _Builder(Transformer[Token, Node]):
    """Makes the tree out of Lark's."""

    def start(self, parts: list[Any]) -> Any:
        return parts[0]

    def either(self, parts: list[Any]) -> Any:
        return any_of(parts)

    def both(self, parts: list[Any]) -> Any:
        return all_of(parts)

    def negated(self, parts: list[Any]) -> Any:
        return Not(parts[0])

    @v_args(inline=True)
    def words(self, token: Token) -> Words:
        text, quoted, starred = _unquoted(token)
        if not quoted and text.endswith("*"):
            text, starred = text[:-1], True
        if not quoted and "*" in text:
            raise _error(token, "A * stands for the rest of a word only at its end.")
        if not text:
            raise _error(token, "There is nothing between these quotes." if quoted else "Nothing is before this *.")
        return Words(text, starred)

    @v_args(inline=True)
    def term(self, name: Token, value: Token) -> Term:
        field = field_of(name[:-1])
        if field is None:
            raise _unknown_field(name, value)
        if name.end_pos != value.start_pos:
            raise _error(name, f"Write the value right behind {name}, without a space: {field.example}")
        try:
            return Term(field.name, read_value(field, *_unquoted(value)))
        except QueryError as problem:
            start = value.start_pos or 0
            length = problem.length or len(value)
            raise QueryError(problem.sentence, start + problem.start, length) from None


def _unquoted(token: Token) -> tuple[str, bool, bool]:
    """Return the text of a token, whether it was in quotes, and whether a * follows the quotes."""
    if not token.startswith('"'):
        return str(token), False, False
    starred = token.endswith("*")
    return _QUOTABLE.sub(r"\1", token[1 : -2 if starred else -1]), True, starred


def _unknown_field(name: Token, value: Token) -> QueryError:
    if keyed := KEYED.get(name[:-1].lower()):
        return _error(name, f"Name the key of it, as in {keyed.example}.")
    end = value.end_pos or 0
    return QueryError(
        f"There is no field “{name[:40]}”. Put the text in quotes to look for it as it is.",
        name.start_pos or 0,
        end - (name.start_pos or 0),
    )


def _error(token: Token, sentence: str) -> QueryError:
    return QueryError(sentence, token.start_pos or 0, len(token))


def _check_depth(text: str) -> None:
    """Refuse brackets inside too many brackets before anything walks into them."""
    depth = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[()]', text, re.DOTALL):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth > MAX_DEPTH:
            raise QueryError(f"Brackets may stand inside each other {MAX_DEPTH} deep.", found.start(), 1)


def _located(text: str, problem: UnexpectedInput) -> QueryError:
    """Say in a sentence what Lark stumbled over."""
    if isinstance(problem, UnexpectedCharacters):
        start = problem.pos_in_stream or 0
        if text[start] == '"':
            return QueryError("This quote is not closed.", start, len(text) - start)
        return _lonely_or(start) if text[start] in "oO" else QueryError("This cannot be read here.", start, 1)
    token = getattr(problem, "token", None)
    if not isinstance(problem, UnexpectedToken) or token is None or token.type == "$END":
        return _unfinished(text)
    start = token.start_pos
    before = re.search(rf"{_NAME}\s*$", text[:start])
    if before:
        return _no_value(before)
    if token.type == "RPAR":
        opened = text[:start].rstrip().endswith("(")
        sentence = "There is nothing between these brackets." if opened else "No bracket is open that this could close."
        return QueryError(sentence, start, 1)
    if token.type == "_OR":
        return _lonely_or(start)
    return QueryError("This cannot be read here. Put it in quotes to look for it as it is.", start, len(token))


def _unfinished(text: str) -> QueryError:
    end = len(text.rstrip())
    last = re.search(rf"(?P<field>{_NAME})$|(?P<or>(?<!\S)or)$|(?P<not>-)$|(?P<open>\()$", text[:end], re.I)
    if last and last["field"]:
        return _no_value(last)
    if last and last["or"]:
        return _lonely_or(last.start())
    if last and last["not"]:
        return QueryError("A - leaves out what follows it, and nothing follows.", last.start(), 1)
    return QueryError("A bracket is not closed.", _open_bracket(text), 1)


def _lonely_or(start: int) -> QueryError:
    return QueryError("“or” needs something on both sides. Put it in quotes to look for the word.", start, 2)


def _no_value(found: re.Match[str]) -> QueryError:
    name = found[0].strip()
    field = field_of(name[:-1])
    hint = f" {field.takes}, as in {field.example}" if field else " a value"
    return QueryError(f"{name} needs{hint}.", found.start(), len(name))


def _open_bracket(text: str) -> int:
    opened: list[int] = []
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[()]', text, re.DOTALL):
        if found[0] == "(":
            opened.append(found.start())
        elif found[0] == ")" and opened:
            opened.pop()
    return opened[-1] if opened else max(0, len(text.rstrip()) - 1)
