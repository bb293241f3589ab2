"""Lanes: a bug's way from broken over fixed to seen, with what the runs could and couldn't tell."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from app.history.lanes import Lane, Said, lane


def drawn(one: Lane) -> list[tuple[int, int, str]]:
    return [(span.start_ms, span.end_ms, span.kind) for span in one.spans]


def test_a_fix_is_dashed_from_its_edit_to_the_run_that_saw_it() -> None:
    one = lane(1, [Said(10, "broken", None), Said(50, "fixed", 30)], end_ms=90, clean_ms=30)
    assert drawn(one) == [(0, 30, "broken"), (30, 50, "file"), (50, 90, "seen")]
    assert (one.fixed_ms, one.seen_ms, one.now) == (30, 50, "seen")


def test_a_run_that_cannot_tell_changes_nothing() -> None:
    said = [Said(20, "fixed", 10), Said(40, "blocked", 30)]
    assert lane(1, said, end_ms=60, clean_ms=None).now == "seen"


def test_what_breaks_again_is_broken_until_it_is_seen_fixed_again() -> None:
    said = [Said(20, "fixed", 10), Said(40, "broken", 30), Said(80, "fixed", 70)]
    one = lane(1, said, end_ms=90, clean_ms=70)
    assert [kind for _, _, kind in drawn(one)] == ["broken", "file", "seen", "broken", "file", "seen"]
    assert (one.fixed_ms, one.seen_ms) == (10, 20)


def test_a_fix_that_no_run_saw_stays_dashed_to_the_end() -> None:
    one = lane(1, [Said(20, "broken", None)], end_ms=90, clean_ms=60)
    assert drawn(one) == [(0, 60, "broken"), (60, 90, "file")]
    assert (one.now, one.seen_ms) == ("file", None)


def test_a_text_that_reads_clean_is_not_believed_against_a_run() -> None:
    one = lane(1, [Said(70, "broken", None)], end_ms=90, clean_ms=60)
    assert drawn(one) == [(0, 90, "broken")]


SAID = st.builds(
    Said,
    st.integers(0, 1000),
    st.sampled_from(["fixed", "broken", "blocked"]),
    st.none() | st.integers(0, 1000),
)


@given(st.lists(SAID, max_size=8), st.none() | st.integers(0, 1000))
def test_a_lane_is_drawn_without_gap_or_overlap_to_the_end(said: list[Said], clean_ms: int | None) -> None:
    said.sort(key=lambda one: one.at_ms)
    one = lane(1, said, end_ms=1001, clean_ms=clean_ms)
    spans = drawn(one)
    assert spans[0][0] == 0
    assert spans[-1][1] == 1001
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    assert spans[-1][2] == one.now
