"""Hints in a mock, as an interviewer gives them: a region first, never the line, each for some minutes.

He knows where each bug is and looks at the file, not at a verdict. Of a region that was changed he can't say
whether the change is right: there is more than one fix, and nobody is guided back from a wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import NotFound

RUNGS = 3
COST_MINUTES = (1, 3, 6)  # of the first rung, the second, the third
NOTHING_LEFT = 0  # the slot of a question that he has no answer to
UNSURE_COST = 1
CHANGED = (
    "You have changed what I pointed at. Whether that is right I can't tell: there is more than one fix."
)
UNSURE = (
    "I have nothing left to point at. What I know of was changed, or I have said all of it. Whether a change "
    "is right I can't tell, and from a wrong one I can't guide you back. Run it, and read both criteria."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What he says next; of no slot where he has nothing to point at."""

    slot: int
    rung: int
    bug: str
    before: str = ""  # what he says first


def next_hint(bugs: Sequence[Mapping[str, Any]], taken: Sequence[tuple[int, int]], draft: str) -> Said:
    """What he says to a draft, after the hints (slot, rung) that were taken, in that order.

    Raises NotFound where the stage has no bugs that he could know.
    """
    if not bugs:
        raise NotFound("There are no hints in this stage.", hint="Say aloud what you would ask.")
    rungs = {slot: max(rung for one, rung in taken if one == slot) for slot, _ in taken}
    last = next((bug for bug in bugs if taken and bug["slot"] == taken[-1][0]), None)
    standing = [bug for bug in sorted(bugs, key=lambda bug: bug["line"]) if stands(bug, draft)]
    before = CHANGED if last is not None and last not in standing else ""
    ahead = [last] if last in standing else []
    for bug in [*ahead, *standing]:
        rung = rungs.get(bug["slot"], 0) + 1
        if rung <= RUNGS:
            return Said(slot=bug["slot"], rung=rung, bug=bug["id"], before=before)
    return Said(slot=NOTHING_LEFT, rung=rungs.get(NOTHING_LEFT, 0) + 1, bug="")


def cost_minutes(slot: int, rung: int) -> int:
    """What a hint of a mock costs."""
    return UNSURE_COST if slot == NOTHING_LEFT else COST_MINUTES[rung - 1]


def stands(bug: Mapping[str, Any], text: str) -> bool:
    """Whether a bug reads as it was issued: its lines are there, or those that it took out are missing."""
    judged = bug.get("judged", bug)
    bugged, clean = judged["replace"].strip(), judged["find"].strip()
    return bugged in text if bugged and bugged not in clean else clean not in text
