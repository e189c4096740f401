"""What `scale.py` hides in a source for `search.py` to find: words that stand nowhere else, each in one known place."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final


@dataclass
class Needle:
    """Something to be found by `query`. `where`: the kind of text it stands in, `text`: how it stands there.

    `session_id`, `run_id` (None: the session's own texts) and `message` (from 1, in its run; None: the run itself) are
    where it was put.
    """

    name: str
    query: str
    where: str
    text: str
    session_id: str = ""
    run_id: str | None = None
    message: int | None = None


# The words are longer than any that are made up, or of characters that no other text has.
_HIDDEN: Final = (
    ("a rare word of a user", "quillfeatherly", "user", "about the quillfeatherly account"),
    ("a rare word of an answer", "ossifragantly", "answer", "which is ossifragantly put"),
    ("a rare word in arguments", "thrumbolitics", "tool_call", "thrumbolitics"),
    ("a rare word in a result", "brindlewaxen", "tool_result", "Found: brindlewaxen, 3 rows."),
    ("a rare word in reasoning", "lucubrationary", "reasoning", "A lucubrationary matter."),
    ("a phrase", '"violet harbor remembers"', "answer", "The violet harbor remembers every ship."),
    ("two words", "cinderglassy palimpsestic", "user", "cinderglassy"),
    ("Chinese", "麒麟閣", "user", "我想参观麒麟閣的花园"),
    ("Japanese", "螺鈿細工", "answer", "この螺鈿細工は見事です"),
    ("Korean", "고려청자", "user", "박물관의 고려청자 전시"),
    ("Arabic", "زمردة", "user", "وجدت زمردة خضراء"),
    ("Hindi", "मरकतमणि", "answer", "यह मरकतमणि सुंदर है"),
    ("a rare word in a name", "wintergreenish", "name", "The wintergreenish plan"),
    ("a rare word in a summary", "featherweighted", "summary", "They spoke of a featherweighted offer."),
    ("a rare word in a state", "amberjackets", "state", "amberjackets"),
    ("a rare word in metadata", "saltmarshland", "metadata", "saltmarshland"),
)
# Besides: the phrase's words in another order, which no phrase may find, and the second of the two words.
_DECOY: Final = ("decoy", "", "answer", "He remembers a violet sky over the harbor.")
_SECOND: Final = {"cinderglassy palimpsestic": {"answer": "palimpsestic"}}
IN_RUNS: Final = frozenset({"user", "answer", "tool_call", "tool_result", "reasoning"})


class Needles:
    """Needles and the sessions they go into, spread over all of them."""

    def __init__(self, sessions: int) -> None:
        hidden = [Needle(*one) for one in (*_HIDDEN, _DECOY)]
        if sessions <= len(hidden):
            raise ValueError(f"There are {len(hidden)} needles, so there must be more sessions than that.")
        self._at = {(number + 1) * sessions // (len(hidden) + 1): one for number, one in enumerate(hidden)}

    def __contains__(self, number: int) -> bool:
        """Whether a session, by number, has a needle."""
        return number in self._at

    def in_run(self, number: int) -> dict[str, str]:
        """Return the texts to be said in a run of the session, by kind."""
        one = self._at[number]
        return {one.where: one.text} | _SECOND.get(one.query, {}) if one.where in IN_RUNS else {}

    def in_session(self, number: int) -> dict[str, str]:
        """Return the texts of the session itself, by kind: name, summary, state, metadata."""
        one = self._at.get(number)
        return {one.where: one.text} if one and one.where not in IN_RUNS else {}

    def put(self, number: int, session_id: str, run_id: str, places: dict[str, int]) -> None:
        """Note where the needle of a session was put. `places`: the messages of the run by kind of text."""
        one = self._at[number]
        one.session_id = session_id
        if one.where in IN_RUNS:
            one.run_id, one.message = run_id, places.get(one.where)

    def __iter__(self) -> Iterator[Needle]:
        """Yield the needles that are to be found."""
        return (one for one in self._at.values() if one.query)

    def as_data(self) -> list[dict[str, Any]]:
        """Return the needles as they stand in a manifest."""
        return [asdict(one) for one in self]


def needles_of(manifest: dict[str, Any]) -> list[Needle]:
    """Return the needles of a manifest."""
    return [Needle(**one) for one in json.loads(json.dumps(manifest["needles"]))]
