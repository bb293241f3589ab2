"""A note says when much more was rewritten than bugs need; it fails nothing."""

from __future__ import annotations

from sandbox.job import IssuedBug, Job
from sandbox.rewrites import rewrite_note

SHAPE = "\n".join(f"line_{i} = {i}" for i in range(20))
BUG = IssuedBug(id="b", component="loop", properties=("runs",), find="line_3 = 3", replace="line_3 = 0")


def note(source: str, *bugs: IssuedBug) -> str | None:
    found = rewrite_note(
        Job(kind="check", source=source, text="", problem="gpt", probes="", shape=SHAPE, bugs=bugs)
    )
    return found["text"] if found else None


def test_a_small_repair_says_nothing() -> None:
    assert note(SHAPE, BUG) is None
    assert note("# a comment\n\n" + SHAPE.replace(" = ", "  =  "), BUG) is None


def test_a_large_rewrite_is_told_with_its_share_of_the_lines() -> None:
    text = note(SHAPE.replace("line_1", "row_1"), BUG)
    assert text is not None and text.startswith("60% of the lines that were given have changed")


def test_a_file_that_was_not_issued_is_compared_with_nothing() -> None:
    assert note("x = 1") is None
