"""What is masked here: the kinds and rules of the settings."""

from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from agentos.masking.detectors import KINDS, Detectors
from agentos.masking.rules import BadRule, rule_of


def current() -> Detectors:
    """Return what finds what is to be masked. Raises `ImproperlyConfigured` for a kind or a rule that there is not."""
    return _detectors(tuple(settings.AGENTOS_MASK), tuple(settings.AGENTOS_MASK_RULES))


@lru_cache(maxsize=8)
def _detectors(kinds: tuple[str, ...], rules: tuple[str, ...]) -> Detectors:
    wanted = [kind for kind in kinds if kind != "none"]
    if unknown := [kind for kind in wanted if kind not in KINDS]:
        raise ImproperlyConfigured(f"AGENTOS_MASK: there is no kind {unknown[0]!r}, only {', '.join(KINDS)} and none.")
    try:
        return Detectors(wanted, [rule_of(rule) for rule in rules])
    except BadRule as error:
        raise ImproperlyConfigured(f"AGENTOS_MASK_RULES: {error}") from None


def own_rules() -> list[str]:
    """Return the rules that a company added, as they are written."""
    return list(settings.AGENTOS_MASK_RULES)
