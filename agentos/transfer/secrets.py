"""Keys and numbers that must not leave with a transcript by accident: found by how they look, and taken out."""

import re
from typing import Any, Final

REMOVED: Final = "[secret removed]"
_SECRETS: Final = re.compile(
    r"""
    -----BEGIN\ [A-Z ]{0,30}PRIVATE\ KEY-----[\s\S]{0,8000}?-----END\ [A-Z ]{0,30}PRIVATE\ KEY-----
    | \b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}
    | \b(?:gh[pousr]_|github_pat_|glpat-|agno_pat_|xox[abeprs]-|hf_|npm_|pypi-)[A-Za-z0-9_-]{10,}
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b
    | \bAIza[0-9A-Za-z_-]{35}
    | \beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}
    | (?<=\bBearer[ ])[A-Za-z0-9._~+/-]{12,}=*
    | (?<=\bbearer[ ])[A-Za-z0-9._~+/-]{12,}=*
    """,
    re.VERBOSE,
)
# One of these is in every secret that the expression above finds: looking for them is a hundred times faster.
_SIGNS: Final = (
    *("PRIVATE KEY", "sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    *("glpat-", "agno_pat_", "xox", "hf_", "npm_", "pypi-", "AKIA", "ASIA", "AIza", "eyJ", "earer "),
)
_CARD: Final = re.compile(r"[3-6](?<![\w.-].)\d{3}(?:[ -]?\d){9,15}(?![\w.-])")


def masked(text: str) -> str:
    """Return the text without what looks like an API key, a token, a private key or the number of a payment card."""
    if any(sign in text for sign in _SIGNS):
        text = _SECRETS.sub(REMOVED, text)
    return _CARD.sub(lambda found: REMOVED if _is_card(found[0]) else found[0], text)


def masked_json(value: Any) -> Any:
    """Return a JSON value with every string in it masked."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {key: masked_json(item) for key, item in value.items()}
    return [masked_json(item) for item in value] if isinstance(value, list) else value


def _is_card(text: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    digits = [int(character) for character in text if character.isdigit()]
    doubled = (digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2])
    return 13 <= len(digits) <= 19 and (sum(digits[::-2]) + sum(doubled)) % 10 == 0
