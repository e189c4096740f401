"""What is masked: the kinds and rules of the settings, and what administrators chose on a page.

A process keeps what was chosen until it notices another token: with the rights of whoever asks for a page, which bring
it along (`access/rights.py`), and before each look at a source. So a change holds for the next page everywhere, and
costs no statement of its own.
"""

from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from agentos.masking.detectors import KINDS, Detectors
from agentos.masking.rules import BadRule, rule_of


@dataclass(frozen=True)
class Chosen:
    """What administrators chose. `token`: of which state of the tables; `kinds` None for those of the setting."""

    token: str = ""
    kinds: tuple[str, ...] | None = None
    rules: tuple[str, ...] = ()


_lock: Final = Lock()
_chosen: Chosen | None = None


def current() -> Detectors:
    """Return what finds what is to be masked.

    Raises:
        ImproperlyConfigured: the settings name a kind or a rule that there is not.
    """
    chosen = _chosen or look()
    kinds = settings.AGENTOS_MASK if chosen.kinds is None else chosen.kinds
    return _detectors(tuple(kinds), (*settings.AGENTOS_MASK_RULES, *chosen.rules), chosen.token or None)


def of_settings() -> Detectors:
    """Return what finds what the settings alone name. Raises `ImproperlyConfigured`."""
    return _detectors(tuple(settings.AGENTOS_MASK), tuple(settings.AGENTOS_MASK_RULES), None)


def notice(token: str) -> Chosen:
    """Read anew what was chosen if this is another token than that of what is known."""
    global _chosen
    with _lock:
        if _chosen is None or _chosen.token != token:
            _chosen = _read() if token else Chosen()
        return _chosen


def look() -> Chosen:
    """Have a look at whether something else was chosen. One statement, as long as it was not."""
    from agentos.masking.models import MaskState

    return notice(MaskState.objects.values_list("token", flat=True).filter(pk=1).first() or "")


def own_rules() -> list[str]:
    """Return the rules that a company added, of the setting and of the page, as they are written."""
    return [*settings.AGENTOS_MASK_RULES, *(_chosen or look()).rules]


def _read() -> Chosen:
    from agentos.masking.models import MaskRule, MaskState

    # The token first: whoever reads older rules with it is put right by the next one that notices a newer token.
    state = MaskState.objects.filter(pk=1).first() or MaskState()
    rules = MaskRule.objects.filter(is_on=True).values_list("pattern", flat=True)
    kinds = None if state.kinds is None else tuple(kind for kind in state.kinds if kind in KINDS)
    return Chosen(state.token, kinds, tuple(dict.fromkeys(rules)))


@lru_cache(maxsize=8)
def _detectors(kinds: tuple[str, ...], rules: tuple[str, ...], token: str | None) -> Detectors:
    wanted = [kind for kind in kinds if kind != "none"]
    if unknown := [kind for kind in wanted if kind not in KINDS]:
        raise ImproperlyConfigured(f"AGENTOS_MASK: there is no kind {unknown[0]!r}, only {', '.join(KINDS)} and none.")
    try:
        return Detectors(wanted, [rule_of(rule) for rule in rules], token)
    except BadRule as error:
        raise ImproperlyConfigured(f"AGENTOS_MASK_RULES: {error}") from None
