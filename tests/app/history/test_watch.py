"""Watching the edits: since when a bug is gone from the file, and where the time went."""

from __future__ import annotations

from app.history.replay import Moment
from app.history.watch import Planted, Watched, reads_clean, watch

BUG = Planted(slot=1, place="f", clean="x + 1", bugged="x + 2")
STARTER = "def f():\n    return x + 2\n\n\ndef g():\n    return 0\n"
FIXED = STARTER.replace("x + 2", "x + 1")


def watched(*moments: Moment, stops: tuple[int, ...] = ()) -> Watched:
    return watch(STARTER, moments, planted=[BUG], marked={"f"}, stops=stops, start_ms=0, end_ms=600_000)


def test_a_bug_is_gone_since_the_edit_after_which_it_stayed_gone() -> None:
    found = watched(
        Moment(1, 10_000, FIXED, (2,)),
        Moment(2, 20_000, STARTER, (2,)),
        Moment(3, 30_000, FIXED, (2,)),
        Moment(4, 40_000, FIXED + "# end\n", (7,)),
    )
    assert found.last.fixed_at(1) == 30_000


def test_a_stop_sees_the_draft_as_it_was_then() -> None:
    found = watched(Moment(2, 10_000, FIXED, (2,)), Moment(4, 20_000, STARTER, (2,)), stops=(1, 3, 9))
    assert [found.sightings[seq].text for seq in (1, 3, 9)] == [STARTER, FIXED, STARTER]
    assert found.sightings[1].fixed_at(1) is None
    assert found.sightings[3].fixed_at(1) == 10_000


def test_other_words_count_from_the_last_edit_of_the_definition() -> None:
    other = STARTER.replace("x + 2", "1 + x")
    found = watched(Moment(1, 10_000, other, (2,)), Moment(2, 50_000, other + "\n", (6,)))
    assert found.last.fixed_at(1) == 10_000


def test_time_before_an_edit_counts_to_its_place_up_to_a_minute() -> None:
    found = watched(Moment(1, 30_000, STARTER, (2,)), Moment(2, 330_000, STARTER, (6, 6)))
    assert (found.work.marked_ms, found.work.elsewhere_ms) == (30_000, 60_000)
    assert (found.work.marked, found.work.elsewhere) == ({2: 1}, {22: 2})


def test_time_is_told_by_its_definition() -> None:
    found = watched(
        Moment(1, 30_000, STARTER, (2,)), Moment(2, 50_000, STARTER, (6,)), Moment(3, 60_000, STARTER, (7,))
    )
    assert found.work.marked_in == {"f": 30_000}
    assert found.work.elsewhere_in == {"g": 30_000}
    assert found.work.spent_on("f") == 30_000
    assert found.work.spent_on("g.inner") == 30_000
    assert found.work.spent_on("h") == 0


def test_times_of_a_wrong_clock_are_moved_inside() -> None:
    found = watched(Moment(1, -5, FIXED, (2,)), Moment(2, 10**12, STARTER, (2,)))
    assert found.work.marked == {0: 1, 40: 1}


def test_a_clean_text_inside_the_bugged_one_is_not_taken_for_a_fix() -> None:
    twice = Planted(slot=1, place="f", clean="step()", bugged="step()\n    step()")
    assert not reads_clean("def f():\n    step()\n    step()\n", twice)
    assert reads_clean("def f():\n    step()\n", twice)
