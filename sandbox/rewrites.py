"""How much of what was issued a submission rewrote: a remark on the way, never on the result."""

from __future__ import annotations

from difflib import SequenceMatcher

from sandbox.job import Job

_LARGE = 0.4  # of the starter's lines: four bugs are some ten lines of 150
_LONGEST = 2000  # lines that are compared


def rewrite_note(job: Job) -> dict[str, str] | None:
    """A note where a large share of the starter's lines is gone; None for a file that was not issued."""
    if not job.bugs:
        return None
    starter = job.shape
    for bug in job.bugs:
        starter = starter.replace(bug.find, bug.replace)
    issued, edited = _lines(starter), _lines(job.source)
    if len(edited) > _LONGEST:
        return None
    kept = sum(
        block.size for block in SequenceMatcher(None, issued, edited, autojunk=False).get_matching_blocks()
    )
    share = 1 - kept / len(issued)
    if share < _LARGE:
        return None
    text = f"{share:.0%} of the lines that were given have changed: valid, and more to verify than a repair."
    return {"name": "large_rewrite", "text": text}


def _lines(text: str) -> list[str]:
    """Lines with their blanks normalised, without comments, marks and empty ones."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
