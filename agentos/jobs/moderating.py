"""The acts of moderation as acts on many sessions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from agentos.catalog.models import CatalogSession
from agentos.jobs.acts import DONE, BulkAct, Do, Option, Outcome, Target, Task, one_by_one, register
from agentos.jobs.states import Came
from agentos.moderation import flags, remarks
from agentos.moderation.acting import Conflict, Refused
from agentos.moderation.models import NOTE_CHARACTERS, TAG_CHARACTERS, FlagReason, Standing
from agentos.moderation.rules import check_can_annotate, check_can_flag, check_can_moderate
from agentos.moderation.several import Result, lift_several, put_several

GONE: Final = "It is not there any more."


def _reasons() -> list[str]:
    return list(FlagReason.objects.filter(in_use=True).values_list("name", flat=True))


def _put(kind: Standing) -> Do:
    return lambda targets, task: measured(targets, task, lambda rows: put_several(rows, kind, task.actor, task.reason))


def _lift(kind: Standing) -> Do:
    return lambda targets, task: measured(targets, task, lambda rows: lift_several(rows, kind, task.actor, task.reason))


def measured(
    targets: Sequence[Target], task: Task, act: Callable[[list[CatalogSession]], list[Result]]
) -> list[Outcome]:
    """Return the outcomes of an act on measures; sessions whose row is gone are refused."""
    rows = [target.row for target in targets if target.row is not None]
    results = iter(act(rows))
    return [Outcome(Came.REFUSED, GONE) if target.row is None else _outcome(next(results)) for target in targets]


def _outcome(result: Result) -> Outcome:
    if isinstance(result, Conflict):
        return Outcome(Came.UNCHANGED, str(result))
    return Outcome(Came.REFUSED, str(result)) if isinstance(result, Refused) else DONE


def _tag(row: CatalogSession, task: Task) -> object:
    word = remarks.word_of(task.options.get("tag", ""))
    if word in row.marks.get("tags", ()):
        raise Conflict("It has the tag.")
    return remarks.tag(row, task.actor, word)


def _untag(row: CatalogSession, task: Task) -> object:
    word = remarks.word_of(task.options.get("tag", ""))
    if word not in row.marks.get("tags", ()):
        raise Conflict("It has no such tag of people.")
    remarks.untag(row, task.actor, word)
    return None


def _flag(row: CatalogSession, task: Task) -> object:
    reason, note = task.options.get("flag", ""), task.reason
    return flags.flag(row, task.actor, reason, note, title=row.title)


def _asks_tag(options: Mapping[str, str]) -> None:
    remarks.word_of(options.get("tag", ""))


def _asks_flag(options: Mapping[str, str]) -> None:
    if options.get("flag", "") not in _reasons():
        raise Refused("Choose a reason from the list.")


_TAG: Final = Option("tag", "Tag", longest=TAG_CHARACTERS)
register(
    BulkAct(
        "tag", "Tag…", "Tag", check_can_annotate, one_by_one(_tag), ("Whoever sees a session sees its tags.",),
        needs_reason=False, options=(_TAG,), asks=_asks_tag,
    ),
    BulkAct(
        "untag", "Take a tag off…", "Take off", check_can_annotate, one_by_one(_untag),
        needs_reason=False, options=(_TAG,), asks=_asks_tag,
    ),
    BulkAct(
        "flag", "Flag…", "Flag", check_can_flag, one_by_one(_flag),
        (f"Each has a case in the review queue from then on. What you say why, up to {NOTE_CHARACTERS:,} characters, is"
         " the note of each flag.",),
        options=(Option("flag", "Flagged as", _reasons),), asks=_asks_flag,
    ),
    BulkAct(
        "archive", "Archive…", "Archive", check_can_moderate, _put(Standing.ARCHIVED),
        ("Lists, searches and sums leave them out until a query asks for them by is:archived.",), needs_reason=False,
    ),
    BulkAct(
        "unarchive", "Take out of the archive…", "Take out", check_can_moderate, _lift(Standing.ARCHIVED),
        needs_reason=False,
    ),
    BulkAct(
        "hold", "Put on hold…", "Put on hold", check_can_moderate, _put(Standing.HOLD),
        ("Nobody continues them, by page, API, command or worker; what is being answered is stopped.",
         "Only moderators open them. On hold, they are not deleted by anybody."),
    ),
    BulkAct(
        "release", "Release the hold…", "Release", check_can_moderate, _lift(Standing.HOLD),
        ("They can be read, continued and deleted again.",),
    ),
    BulkAct(
        "hide", "Hide…", "Hide", check_can_moderate, _put(Standing.HIDDEN),
        ("Only moderators see that they exist.",),
    ),
    BulkAct("show", "Show again…", "Show again", check_can_moderate, _lift(Standing.HIDDEN)),
    BulkAct(
        "delete", "Delete…", "Delete", check_can_moderate, _put(Standing.DELETED),
        ("They disappear for all but moderators, who can restore them until they go for good.",
         "Nobody continues them; what is being answered is stopped. What is on hold is refused."),
        is_grave=True,
    ),
    BulkAct(
        "restore", "Restore…", "Restore", check_can_moderate, _lift(Standing.DELETED),
        ("They are there again as they were before.",),
    ),
)  # fmt: skip
