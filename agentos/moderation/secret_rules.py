"""Choosing what is masked: who may, what a rule has to be, and the record of every change.

The detectors themselves are in `masking`, which everything that reads texts is built on; this is for people.
"""

import json
import uuid
from collections.abc import Iterable
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction

from agentos.access.rights import AnyUser, Right
from agentos.access.rules import NotAllowed, check_has, check_reads, check_sees_all
from agentos.audit.acts import Act, register
from agentos.catalog.keys import one_line
from agentos.masking import Detectors, current
from agentos.masking.detectors import KINDS
from agentos.masking.models import NAME_CHARACTERS, PATTERN_CHARACTERS, MaskRule, MaskState
from agentos.masking.rules import BadRule, rule_of
from agentos.moderation.acting import Actor, Refused, record

register(
    Act("mask.kept", "change", "lock", "Kept the rule “{name}” of what is masked: {pattern}"),
    Act("mask.dropped", "change", "lock", "Deleted the rule “{name}” of what is masked: {pattern}"),
    Act("mask.kinds", "change", "lock", "Chose which kinds of secrets are masked: {kinds}"),
)
MOST_RULES: Final = 50
MOST_TRIED: Final = 100_000


def check_can_edit(user: AnyUser) -> None:
    """Raise `NotAllowed` unless the user may choose what is masked."""
    check_reads(user)
    check_has(user, Right.EDIT_MASKS, "choose what is masked")
    check_sees_all(user, "What is masked is chosen by people who see every session: it is masked in all of them.")


def can_edit(user: AnyUser) -> bool:
    """Whether `check_can_edit` lets the user through."""
    try:
        check_can_edit(user)
    except NotAllowed:
        return False
    return True


def keep(actor: Actor, name: str, pattern: str, *, on: bool = True, rule: MaskRule | None = None) -> MaskRule:
    """Keep a rule, in place of `rule` if one is given.

    Raises:
        NotAllowed: the user may not choose what is masked.
        Refused: it is no rule, its name is taken, or there are too many.
    """
    check_can_edit(actor.person)
    words, checked = one_line(name, NAME_CHARACTERS), _checked(pattern)
    if not words:
        raise Refused("A rule needs a name.")
    try:
        with transaction.atomic():
            _change(actor)
            was = MaskRule.objects.filter(pk=rule.pk).first() if rule is not None else None
            if was is None and MaskRule.objects.count() >= MOST_RULES:
                raise Refused(f"There are {MOST_RULES} rules, which is the most. Delete one first.")
            kept = MaskRule(
                pk=was.pk if was else None, name=words, pattern=checked, is_on=on, changed_by=actor.name[:200]
            )
            kept.save()
            told = [None if one is None else _told(one) for one in (was, kept)]
            record("mask.kept", actor, None, before=told[0], after=told[1], name=words, pattern=checked, on=on)
    except IntegrityError:
        raise Refused(f"There is a rule named “{words}” already.") from None
    return kept


def drop(actor: Actor, rule: MaskRule) -> None:
    """Delete a rule; what it found is shown again. Raises `NotAllowed`."""
    check_can_edit(actor.person)
    with transaction.atomic():
        _change(actor)
        MaskRule.objects.filter(pk=rule.pk).delete()
        record("mask.dropped", actor, None, before=_told(rule), name=rule.name, pattern=rule.pattern)


def choose(actor: Actor, kinds: Iterable[str] | None) -> None:
    """Choose which kinds are masked; None for those of the setting.

    Raises:
        NotAllowed: the user may not.
        Refused: there is no such kind.
    """
    check_can_edit(actor.person)
    wanted = None if kinds is None else set(kinds)
    if wanted is not None and not wanted <= set(KINDS):
        raise Refused(f"There are only the kinds {', '.join(KINDS)}.")
    chosen: list[str] | None = None if wanted is None else [kind for kind in KINDS if kind in wanted]
    with transaction.atomic():
        was = _change(actor, kinds=chosen)
        told = [_in_words(was), _in_words(chosen)]
        record("mask.kinds", actor, None, before=told[0], after=told[1], kinds=told[1])


def tried(text: str, pattern: str = "") -> str:
    """Return a text as it would be shown, with a rule besides if one is given. Nothing of it is kept.

    Raises `Refused` for what is no rule, or a text that is too long.
    """
    if len(text) > MOST_TRIED:
        raise Refused(f"A text to try has at most {MOST_TRIED:,} characters.")
    shown = current().masked(text)
    return Detectors((), [rule_of(_checked(pattern))]).masked(shown) if pattern.strip() else shown


def _checked(pattern: str) -> str:
    text = pattern.strip()
    if len(text) > PATTERN_CHARACTERS:
        raise Refused(f"A pattern has at most {PATTERN_CHARACTERS} characters.")
    try:
        rule_of(text)
    except BadRule as error:
        raise Refused(str(error)) from None
    return text


def _change(actor: Actor, **values: list[str] | None) -> list[str] | None:
    """Give the state another mark, which everybody notices; whoever changes something waits here for others.

    Returns the kinds that were chosen before.
    """
    MaskState.objects.get_or_create(pk=1)
    state = MaskState.objects.select_for_update().get(pk=1)
    was: list[str] | None = state.kinds
    state.token, state.changed_by = uuid.uuid4().hex, actor.name[:200]
    for name, value in values.items():
        setattr(state, name, value)
    state.save()
    return was


def _told(rule: MaskRule) -> str:
    return json.dumps({"name": rule.name, "pattern": rule.pattern, "on": rule.is_on})


def _in_words(kinds: list[str] | None) -> str:
    if kinds is None:
        return f"as the setting says ({', '.join(settings.AGENTOS_MASK)})"
    return ", ".join(kinds) or "none"
