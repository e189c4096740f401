"""The table of roles and rights in the documentation says what the program does."""

import re
from pathlib import Path

from agentos.access.rights import RIGHTS, Right, Role

PAGE = Path(__file__).parents[2] / "docs" / "people.md"


def test_every_right_has_its_line() -> None:
    found = {}
    for line in PAGE.read_text().splitlines():
        if told := re.fullmatch(r"\| `(\w+)` \| (.+?) \|((?: (?:yes)? *\|){4})", line):
            held = [cell.strip() == "yes" for cell in told[3].split("|")[:-1]]
            found[told[1]] = (told[2].strip(), [role for role, is_held in zip(Role, held, strict=True) if is_held])
    expected = {
        right.value: (what, [role for role in Role if role.includes(lowest)])
        for right, (lowest, what) in RIGHTS.items()
    }
    assert found == expected


def test_every_right_says_what_it_allows() -> None:
    assert set(RIGHTS) == set(Right)
    assert all(what and not what.endswith(".") and len(what) <= 255 for _, what in RIGHTS.values())
