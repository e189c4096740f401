"""What is masked, as its page shows it: kinds, rules of the setting and of the page, how far the catalog follows."""

from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from agentos.catalog.keeping import known_states
from agentos.catalog.models import SourceState
from agentos.masking import current
from agentos.masking.config import look
from agentos.masking.detectors import KINDS
from agentos.masking.models import MaskRule, MaskState

# Kinds of secrets, in words, and what each finds.
KIND_WORDS: Final = {
    "keys": ("API keys and private keys", "by how those of common providers begin, also broken off"),
    "tokens": ("Tokens", "JSON web tokens, bearer tokens"),
    "passwords": ("Passwords in addresses", "user and password in postgresql://me:secret@host"),
    "cards": ("Numbers of payment cards", "whose check digit is right, in groups or not"),
    "emails": ("E-mail addresses", "but never Agno's user ids"),
    "phones": ("Phone numbers", "that begin with + or 00"),
}


@dataclass(frozen=True)
class Kind:
    """A kind of secrets: whether it is masked, and whether the setting would have it masked."""

    name: str
    label: str
    finds: str
    is_on: bool
    by_setting: bool


@dataclass(frozen=True)
class Behind:
    """A source of which not all texts are masked as is chosen now; `share`: how far it is, in percent."""

    source: str
    share: int


@dataclass(frozen=True)
class Choice:
    """All of it. `changed`: when and by whom the last change was made, None for never."""

    kinds: list[Kind]
    has_chosen: bool
    setting_rules: list[str]
    rules: list[MaskRule]
    behind: list[Behind]
    changed: MaskState | None

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "kinds": {kind.name: kind.is_on for kind in self.kinds},
            "kinds_by": "page" if self.has_chosen else "setting",
            "setting_rules": self.setting_rules,
            "rules": [
                {"id": rule.pk, "name": rule.name, "pattern": rule.pattern, "on": rule.is_on, "by": rule.changed_by}
                for rule in self.rules
            ],
            "behind": {one.source: one.share for one in self.behind},
        }


def choice() -> Choice:
    """Return what is chosen now; a few statements."""
    look()
    masked, state = set(current().kinds), MaskState.objects.filter(pk=1).first() or MaskState()
    kinds = [Kind(kind, *KIND_WORDS[kind], kind in masked, kind in settings.AGENTOS_MASK) for kind in KINDS]
    changed = state if state.token else None
    rules = list(MaskRule.objects.all())
    return Choice(kinds, state.kinds is not None, list(settings.AGENTOS_MASK_RULES), rules, behind(), changed)


def behind() -> list[Behind]:
    """Return the sources whose texts are not all masked as is chosen now."""
    token = current().token
    return [Behind(state.source, _share(state, token)) for state in known_states() if state.masked_by != token]


def _share(state: SourceState, token: str | None) -> int:
    if state.pass_masked_by != token or state.cursor is None:
        return 0
    return min(99, 100 * state.seen_count // max(1, state.indexed_count))
