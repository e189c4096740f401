"""What a secret looks like. Every expression takes time in proportion to the text, whatever the text is.

Quantifiers are bounded or possessive, so that little is tried twice at a place. A match holds printable ASCII only, and
white space only where an expression says so: a text may be cut behind any other character (`streams.py`), and what is
found is the same.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

MASKED: Final = "[masked]"

# Of a word before it begins: `\b` would tell letters of other scripts from spaces, which a cut text does not know.
_START: Final = r"(?<![A-Za-z0-9_-])"
_PEM: Final = (
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:(?!-----END)[A-Za-z0-9+/=\\ \t\r\n:,.-]){0,20000}+"
    r"(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
)
_KEYS: Final = rf"""
    {_START}(?:sk|pk|rk)[-_](?:(?=[A-Za-z_-]{{0,200}}[0-9])[A-Za-z0-9_-]{{16,}}+|[A-Za-z0-9]{{20,}}+)
    | {_START}(?:gh[pousr]_|github_pat_|glpat-|agno_pat_|xox[abeprs]-|hf_|npm_|pypi-)[A-Za-z0-9_-]{{10,}}+
    | {_START}(?:SG\.|dop_v1_|shpat_|ya29\.)(?=[A-Za-z_.-]{{0,200}}[0-9])[A-Za-z0-9_.-]{{20,}}+
    | {_START}(?:AKIA|ASIA)[0-9A-Z]{{16}}(?![0-9A-Za-z])
    | {_START}AIza[0-9A-Za-z_-]{{35}}
"""
_TOKENS: Final = rf"""
    {_START}eyJ[A-Za-z0-9_-]{{8,}}+\.eyJ[A-Za-z0-9_-]{{8,}}+\.[A-Za-z0-9_-]{{8,}}+
    | {_START}[Bb]earer[ ](?=[!-~]{{0,120}}[0-9])[A-Za-z0-9._~+/-]{{12,}}+={{0,2}}
"""
_PASSWORDS: Final = r"(?<=://)[^\s:/@?#\x7f-\U0010ffff]{0,100}+:[^\s/@\x7f-\U0010ffff]{3,200}+(?=@[A-Za-z0-9\[])"
# To tell where thirteen digits may follow each other: each digit as a nought.
_ANY_DIGIT: Final = bytes(ord("0") if chr(byte) in "0123456789" else byte for byte in range(256))
_SHORTEST_CARD: Final = b"0" * 13
# Digits of a card, in groups or not, perhaps at the end of a sentence. Whether it is one, its check digit says.
_CARDS: Final = r"[3-6](?<![A-Za-z0-9_.-].)\d{3}(?:[ -]?\d){9,15}(?![A-Za-z0-9_-]|\.[A-Za-z0-9_])"
_EMAILS: Final = r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}+@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
_PHONES: Final = r"(?<![A-Za-z0-9_.+-])(?:\+|00)[1-9]\d{0,2}(?:[ ./-]?(?:\(\d{1,5}\)|\d{1,5})){2,6}(?![A-Za-z0-9_])"
# One of these is in every text that the expression finds something in: looking for them is a hundred times faster.
_SIGNS: Final[dict[str, tuple[str, ...]]] = {
    "keys": (
        *("PRIVATE KEY", "sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "AIza"),
        *("github_pat_", "glpat-", "agno_pat_", "xox", "hf_", "npm_", "pypi-", "AKIA", "ASIA", "SG.", "dop_v1_"),
        *("shpat_", "ya29."),
    ),
    "tokens": ("eyJ", "earer "),
    "passwords": ("://",),
    "emails": ("@",),
    "phones": ("+", "00"),
}
_EXPRESSIONS: Final = {
    "keys": f"{_PEM.replace(' ', chr(92) + ' ')}|{_KEYS}", "tokens": _TOKENS, "passwords": _PASSWORDS,
    "emails": _EMAILS, "phones": _PHONES,
}  # fmt: skip
KINDS: Final = ("keys", "tokens", "passwords", "cards", "emails", "phones")


@dataclass(frozen=True)
class Rule:
    """What an administrator added: an expression as `rules.py` made it, and text that every match begins with."""

    pattern: str
    sign: str


class Detectors:
    """Finds secrets of these kinds, and what rules describe, and puts MASKED in their place.

    `token`: by which choice of administrators, None for what the settings say. What is derived from masked text is made
    anew when it is another one.
    """

    def __init__(self, kinds: Iterable[str], rules: Sequence[Rule] = (), token: str | None = None) -> None:
        self.token = token
        self.kinds = tuple(kind for kind in KINDS if kind in set(kinds))
        self._finders = [
            (_SIGNS[kind], re.compile(_EXPRESSIONS[kind], re.VERBOSE | re.ASCII))
            for kind in self.kinds
            if kind != "cards"
        ]
        self._finders += [((rule.sign,), re.compile(rule.pattern, re.ASCII)) for rule in rules]
        self._cards = re.compile(_CARDS, re.ASCII) if "cards" in self.kinds else None
        self.pem = re.compile(_PEM, re.ASCII) if "keys" in self.kinds else None

    def __bool__(self) -> bool:
        """Whether anything is looked for."""
        return bool(self._finders) or self._cards is not None

    def masked(self, text: str, by: str = MASKED) -> str:
        """Return the text with `by` in place of each secret."""
        for signs, pattern in self._finders:
            if any(sign in text for sign in signs):
                text = pattern.sub(by, text)
        if self._cards is None or not may_hold_card(text):
            return text
        return self._cards.sub(lambda found: by if is_card(found[0]) else found[0], text)

    def may_be_in(self, text: str) -> bool:
        """Whether something is found in the text: asked once of many, before each is looked at by itself."""
        found = any(any(sign in text for sign in signs) and pattern.search(text) for signs, pattern in self._finders)
        return found or (self._cards is not None and may_hold_card(text) and self._cards.search(text) is not None)


def may_hold_card(text: str) -> bool:
    """Whether the text has as many digits as a card, one after the other but for what stands between groups.

    A tenth of the time that the expression takes, which finds only texts of which this is so.
    """
    return _SHORTEST_CARD in text.encode("utf-8", "surrogatepass").translate(_ANY_DIGIT, b" -")


def is_card(text: str) -> bool:
    """Whether these are as many digits as a card has, and the last is the check digit of the others."""
    digits = [int(character) for character in text if character.isdigit()]
    doubled = (digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2])
    return 13 <= len(digits) <= 19 and (sum(digits[::-2]) + sum(doubled)) % 10 == 0
