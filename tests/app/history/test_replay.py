"""Replay: the draft after each edit, whatever its characters are."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.history.replay import Edit, replay
from app.operations import line_at


def edit(seq: int, kind: str, payload: dict[str, Any]) -> Edit:
    return Edit(seq, seq, kind, payload)


def test_operations_apply_one_after_the_other_and_tell_their_lines() -> None:
    edits = [edit(1, "ops", {"ops": [[4, 1, "B"], [0, 0, "x\n"]]}), edit(2, "ops", {"ops": [], "line": 3})]
    first, second = replay("a\nb\nc\n", edits)
    assert first.text == "x\na\nb\nB\n"
    assert first.lines == (3, 1)
    assert (second.text, second.lines) == (first.text, ())


def test_a_reset_goes_back_a_resync_replaces_and_a_checkpoint_is_nothing() -> None:
    edits = [
        edit(1, "resync", {"text": "other"}),
        edit(2, "checkpoint", {"text": "other"}),
        edit(3, "reset", {}),
    ]
    assert [(moment.seq, moment.text) for moment in replay("start", edits)] == [(1, "other"), (3, "start")]


def test_positions_count_utf_16_units() -> None:
    (moment,) = replay("😀\nx", [edit(1, "ops", {"ops": [[3, 1, "y"]]})])
    assert (moment.text, moment.lines) == ("😀\ny", (2,))


@given(st.text(alphabet="a\n😀é"), st.data())
def test_a_line_is_one_more_than_the_breaks_before_it(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    position = len(text[:cut].encode("utf-16-le")) // 2
    assert line_at(text, position) == text[:cut].count("\n") + 1
