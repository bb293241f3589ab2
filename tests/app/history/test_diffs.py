"""Diffs: hunks that together turn one text into the other."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from app.history.diffs import diff

LINES = st.lists(st.sampled_from(["a", "b", "  c", "def f():", "    x", ""]), max_size=30)


def test_a_change_is_shown_with_its_numbers_in_both_versions_and_its_place() -> None:
    before = "def f():\n    a\n    b\n\n\ndef g():\n    c\n"
    after = "def f():\n    a\n    B\n    B2\n\n\ndef g():\n    c\n"
    found = diff(before, after)
    assert (found.added, found.removed) == (2, 1)
    (hunk,) = found.hunks
    assert hunk.where == "f"
    changed = [(line.kind, line.old, line.new, line.text) for line in hunk.lines if line.kind != "same"]
    assert changed == [
        ("del", 3, None, "    b"),
        ("add", None, 3, "    B"),
        ("add", None, 4, "    B2"),
    ]


def test_equal_texts_have_no_hunks_whatever_their_line_ends() -> None:
    assert diff("a\nb\n", "a\r\nb").hunks == ()


@given(LINES, LINES)
def test_a_diff_says_each_line_as_it_stands_in_either_version(old: list[str], new: list[str]) -> None:
    before, after = "\n".join(old), "\n".join(new)
    olds, news = before.removesuffix("\n").split("\n"), after.removesuffix("\n").split("\n")
    lines = [line for hunk in diff(before, after).hunks for line in hunk.lines]
    for line in lines:
        assert line.old is None or olds[line.old - 1] == line.text
        assert line.new is None or news[line.new - 1] == line.text
    gone = {line.old for line in lines if line.kind == "del"}
    come = {line.new for line in lines if line.kind == "add"}
    kept = [text for number, text in enumerate(olds, start=1) if number not in gone]
    assert kept == [text for number, text in enumerate(news, start=1) if number not in come]


def test_texts_that_were_made_to_be_compared_for_minutes_are_one_change() -> None:
    words = [f"{number:x}" for number in range(128)]
    before = "\n".join(words[i % 128] for i in range(16_000))
    after = "\n".join(words[3 * i % 128] for i in range(16_000))
    began = time.monotonic()
    found = diff(before, after)
    assert time.monotonic() - began < 5
    assert (found.added, found.removed, len(found.hunks)) == (16_000, 16_000, 1)
