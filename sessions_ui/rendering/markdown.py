"""Markdown as HTML: parsed without raw HTML, then cut down to an allow-list.

Nothing in the result loads anything, runs, or can pass for a part of our own page.
"""

import re
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from sessions_ui.rendering.highlighting import CODE_CLASSES, CODE_LIMIT, highlight_block
from sessions_ui.rendering.text import Marks, escape_clipped, prepare

MARKDOWN_LIMIT = 60_000
"""Characters that are parsed as Markdown; longer text is shown plain."""

ALIGNMENTS = {f"text-align:{side}": f"align-{side}" for side in ("left", "center", "right")}
TAGS = frozenset("""p br hr strong em s a code pre span ul ol li blockquote table thead tbody tr th td""".split())
CLASSES: dict[str, frozenset[str]] = {
    "span": CODE_CLASSES | {"image-text", "link-target", "clipped"},
    "pre": frozenset({"code"}),
    "p": frozenset(f"heading-{level}" for level in range(1, 7)),
    "th": frozenset(ALIGNMENTS.values()),
    "td": frozenset(ALIGNMENTS.values()),
}
REL = "noopener noreferrer nofollow"

# Texts of at most so many characters are kept once rendered, so many of them: about 10 MB at the most.
KEPT_LIMIT, KEPT = 8_000, 512

MAX_LINES = 4_000
MAX_CELLS = 8_000

# The most of each kind of marker that still renders within 200 ms; 60,000 characters of prose or code have far fewer.
_BUDGETS = {("[",): 3_000, ("*", "_", "~"): 8_000, (">",): 6_000, ("://",): 1_500, ("-", "+"): 12_000}
_TABLE_RULE = re.compile(r"^[ \t>|:-]*-[ \t>|:-]*$", re.MULTILINE)
_LONG_RUN = re.compile(r"\S{500,}")  # looking for links is quadratic in many addresses without a space between

_SAFE_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_ENCODED_MARK = re.compile(r"%F4%8[0-9A-F](?:%[89AB][0-9A-F]){2}")


def markdown(text: str) -> SafeString:
    """Return Markdown as sanitised HTML; text that is too long or made to exhaust the parser comes back plain.

    What was rendered last is kept: a page that is looked at again, paged, searched in or swapped shows the same texts,
    and they are half of what it costs.
    """
    return _kept(text) if len(text) <= KEPT_LIMIT else _rendered(text)


def _rendered(text: str) -> SafeString:
    marks = Marks()
    prepared = prepare(text, marks)
    if len(prepared) > MARKDOWN_LIMIT or _is_bomb(prepared):
        return marks.finish(_as_plain(prepared))
    try:
        html = _parsers.markdown.render(prepared)
    except RecursionError:
        return marks.finish(_as_plain(prepared))
    return marks.finish(_cleaner.clean(html))


_kept: Final = lru_cache(KEPT)(_rendered)


def _as_plain(prepared: str) -> str:
    return f'<p class="plain-text">{escape_clipped(prepared)}</p>'


def _is_bomb(prepared: str) -> bool:
    """Tell whether the text would take the parser more time than any honest text does."""
    return (
        prepared.count("\n") > MAX_LINES
        or any(sum(map(prepared.count, markers)) > most for markers, most in _BUDGETS.items())
        or _table_cells(prepared) > MAX_CELLS
        or any(run[0].count("://") > 8 for run in _LONG_RUN.finditer(prepared))
    )


def _table_cells(prepared: str) -> int:
    """Return how many cells tables could have at most: short rows are filled up, so one wide rule makes many."""
    rules = (rule[0].split("|") for rule in _TABLE_RULE.finditer(prepared))
    columns = max((sum("-" in cell for cell in cells) for cells in rules), default=0)
    return columns * (prepared.count("\n") + 1)


def _filter_attribute(_tag: str, name: str, value: str) -> str | None:
    # nh3 lets relative addresses pass; a transcript must not link into this site.
    return value if name != "href" or _SAFE_LINK.match(value) else None


class _Renderer(RendererHTML):
    """markdown-it's renderer, but images and links that lead nowhere good become text."""

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        alt = self.renderInlineAsText(token.children or [], options, env)
        return f'<span class="image-text">image: {escape(alt)} ({_shown_target(token, "src")})</span>'

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        if _SAFE_LINK.match(str(token.attrGet("href"))):
            return self.renderToken(tokens, idx, options, env)
        env["target"] = _shown_target(token, "href")
        return "<span>"

    def link_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        target = env.pop("target", None)
        return "</a>" if target is None else f' <span class="link-target">({target})</span></span>'

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        # The limit holds for the blocks of a text together: many small ones cost as much as a large one.
        env["code"] = env.get("code", 0) + len(token.content)
        language = token.info.strip().partition(" ")[0] if env["code"] <= CODE_LIMIT else ""
        return highlight_block(token.content, language) + "\n"

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return highlight_block(tokens[idx].content, "") + "\n"


def _shown_target(token: Token, attribute: str) -> str:
    """Return a link's address as text, with the marks in it as they were before the parser encoded them."""
    address = str(token.attrGet(attribute) or "")
    return escape(_ENCODED_MARK.sub(lambda match: unquote(match[0]), address))


def _adapt_tokens(state: StateCore) -> None:
    """Make paragraphs of headings, and turn inline styles into classes.

    A transcript's headings are no headings of the page: they would break its outline, and could imitate it.
    """
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            if token.nesting == 1:
                token.attrSet("class", f"heading-{token.tag[1:]}")
            token.tag = "p"
        style = token.attrs.pop("style", None)
        if style in ALIGNMENTS:
            token.attrSet("class", ALIGNMENTS[str(style)])


def _build_parser() -> MarkdownIt:
    options: dict[str, Any] = {"html": False, "linkify": True, "breaks": True, "maxNesting": 20}
    parser = MarkdownIt("commonmark", options, renderer_cls=_Renderer).enable(["table", "strikethrough", "linkify"])
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # the renderer shows what it will not link
    if parser.linkify:
        parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
        parser.linkify.add("ftp:", None).add("//", None)
    parser.core.ruler.push("adapt_tokens", _adapt_tokens)
    return parser


class _Parsers(threading.local):
    """One parser a thread: linkify-it keeps the state of a search in itself."""

    def __init__(self) -> None:
        self.markdown = _build_parser()


_parsers = _Parsers()


# "*" is set because nh3 lets `title` and `lang` stand everywhere unless told: marks are written out as HTML, which an
# attribute cannot hold.
_cleaner: Final = nh3.Cleaner(
    tags=set(TAGS),
    attributes={"*": set(), "a": {"href"}, "ol": {"start"}},
    allowed_classes={tag: set(classes) for tag, classes in CLASSES.items()},
    attribute_filter=_filter_attribute,
    url_schemes={"http", "https", "mailto"},
    link_rel=REL,
)
