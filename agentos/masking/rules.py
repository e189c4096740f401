r"""Rules of a company's own secrets: a small part of regular expressions, in which no text can take long.

A rule begins with at least three letters or digits as they are and goes on with characters and classes, each perhaps
with `?`, `+`, `*`, `{n}` or `{m,n}`: `acme_[A-Za-z0-9]{20,40}`. Repetitions end at 200 and are possessive, so nothing
is tried twice at a place. `\d` and `\w` are the only shorthands; there are no groups, alternatives or spaces.
"""

import re
from typing import Final

from agentos.masking.detectors import Rule

_LONGEST: Final = 200
_ATOM: Final = re.compile(
    r"(\[[^\]\[\\^\s](?:[^\]\[\\\s]|\\[\]\[\\dw^-])*\]|\\[dw]|\\[^\sA-Za-z0-9]|[^\s\\\[\](){}?+*|^$.])"
    r"([?+*]|\{\d{1,3}(?:,\d{0,3})?\})?"
)
_SIGN: Final = re.compile(r"(?:[A-Za-z0-9_-](?![?+*{])){3,}")


class BadRule(ValueError):
    """A rule that is not of this form; `str()` is a plain sentence that says what is wrong."""


def rule_of(text: str) -> Rule:
    """Return a rule as it is carried out.

    Raises:
        BadRule: it is not of the form above.
    """
    sign = _SIGN.match(text)
    if sign is None:
        raise BadRule(f"The rule {text!r} begins with fewer than three letters or digits as they are.")
    written, at = [], 0
    while at < len(text):
        found = _ATOM.match(text, at)
        if found is None or not text.isascii():
            raise BadRule(f"The rule {text!r} has something at character {at + 1} that rules do not have.")
        written.append(found[1] + _repeated(found[2] or "", text))
        at = found.end()
    pattern = r"(?<![A-Za-z0-9_-])" + "".join(written)
    try:
        re.compile(pattern, re.ASCII)
    except re.error:
        raise BadRule(f"The rule {text!r} has a class that there cannot be, such as one that runs backwards.") from None
    return Rule(pattern, sign[0])


def _repeated(quantifier: str, text: str) -> str:
    if not quantifier:
        return ""
    if quantifier in "?+*":
        return {"?": "?+", "+": f"{{1,{_LONGEST}}}+", "*": f"{{0,{_LONGEST}}}+"}[quantifier]
    least, comma, most = quantifier[1:-1].partition(",")
    end = int(most or (_LONGEST if comma else least))
    if int(least) > end or end > _LONGEST:
        raise BadRule(f"The rule {text!r} repeats something more than {_LONGEST} times, or backwards.")
    return f"{{{least},{end}}}+"
