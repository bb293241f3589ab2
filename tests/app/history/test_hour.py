"""The timeline's geometry: everything inside the width, whatever the times are."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.history.hour import hour
from app.history.lanes import Said, lane
from app.history.reached import Reached
from app.history.views import HintTaken
from app.history.watch import Work
from tests.app.history.made import MINUTE, review, run, times


def test_an_hour_that_was_used_is_drawn_whole_with_the_kept_minutes_at_its_end() -> None:
    drawn = hour(review(total_ms=48 * MINUTE), kept_ms=8 * MINUTE)
    assert [tick.label for tick in drawn.ticks] == [f"{minute} min" for minute in range(0, 61, 10)]
    assert drawn.kept_x == 86.67
    assert drawn.end_x == 80.0


def test_an_attempt_that_took_little_of_its_time_is_drawn_larger() -> None:
    drawn = hour(review(total_ms=4 * MINUTE), kept_ms=8 * MINUTE)
    assert drawn.ticks[-1].label == "5 min"
    assert drawn.kept_x is None
    assert drawn.unit == "in 15 seconds"


def test_days_without_a_clock_are_counted_in_days() -> None:
    drawn = hour(review(total_ms=6 * 24 * 60 * MINUTE, minutes=None), kept_ms=0)
    assert drawn.ticks[1].label == "1 d"


def test_words_stand_beside_a_sign_where_the_next_leaves_room() -> None:
    crowded = replace(review(total_ms=60 * MINUTE), runs=[run(1, 0), run(2, MINUTE), run(3, 30 * MINUTE)])
    assert [sign.label for sign in hour(crowded, kept_ms=0).signs] == ["", "run 2", "run 3"]


def test_the_words_of_the_last_run_stand_behind_the_line_where_the_round_ends() -> None:
    short = replace(review(total_ms=5_000), runs=[run(1, 2_000)])
    drawn = hour(short, kept_ms=0)
    (sign,) = drawn.signs
    assert (sign.label, sign.label_x) == ("run 1", drawn.end_x)
    assert sign.x < sign.label_x


def test_the_last_column_of_edits_ends_with_the_round() -> None:
    made = replace(review(total_ms=5_000), times=times(work=Work(marked={0: 9}), total_ms=5_000))
    drawn = hour(made, kept_ms=0)
    (bar,) = drawn.bars
    assert drawn.end_x is not None
    assert bar.x + bar.width <= drawn.end_x


def test_an_open_attempt_has_no_bug_marked_as_lost() -> None:
    lanes = [lane(1, [], end_ms=MINUTE, clean_ms=None)]
    ended = replace(review(total_ms=MINUTE), lanes=lanes)
    going = replace(review(total_ms=MINUTE, state="open"), lanes=lanes)
    assert [point.kind for point in hour(ended, kept_ms=0).rows[0].points] == ["broken"]
    assert hour(going, kept_ms=0).rows[0].points == ()


def stages(*ends: int | None) -> list[Reached]:
    begins = [0, *(end for end in ends[:-1] if end is not None)]
    return [
        Reached(
            position=place,
            kind="debug",
            title=f"Stage {place}",
            begins_ms=start * MINUTE,
            ends_ms=None if end is None else end * MINUTE,
            runs_ms=[start * MINUTE],
            saw=None,
            true=None,
            passed=None,
            words="",
            url="",
        )
        for place, (start, end) in enumerate(zip(begins, ends, strict=True))
    ]


def test_stages_are_drawn_as_bands_above_and_the_runs_of_the_others_beside_ones_own() -> None:
    made = replace(review(total_ms=60 * MINUTE), stages=stages(30, 45, None), position=1)
    drawn = hour(made, kept_ms=0)
    assert [(band.x, band.width, band.here) for band in drawn.bands] == [
        (0.0, 50.0, False),
        (50.0, 25.0, True),
        (75.0, 25.0, False),
    ]
    assert [(sign.x, sign.kind) for sign in drawn.signs] == [(0.0, "other"), (75.0, "other")]
    assert hour(replace(made, stages=made.stages[:1]), kept_ms=0).bands == ()


def test_a_later_stages_edits_stand_where_they_were_in_the_hour() -> None:
    work = Work(marked={4: 1})
    made = replace(review(total_ms=60 * MINUTE), times=times(begins_ms=30 * MINUTE, work=work))
    (bar,) = hour(made, kept_ms=0).bars
    assert 50 < bar.x < 53


def test_minutes_that_the_gate_opened_make_the_hour_longer() -> None:
    made = replace(review(total_ms=60 * MINUTE), extra_minutes=10)
    assert hour(made, kept_ms=8 * MINUTE).ticks[-1].label == "70 min"


TIMES = st.integers(0, 40 * 24 * 60 * MINUTE)


@given(
    TIMES,
    st.none() | st.integers(1, 600),
    st.lists(TIMES, max_size=5),
    st.lists(TIMES, max_size=5),
    st.dictionaries(st.integers(0, 10_000), st.integers(1, 500), max_size=20),
)
def test_nothing_is_drawn_outside(
    total_ms: int, minutes: int | None, runs: list[int], hints: list[int], edits: dict[int, int]
) -> None:
    made = replace(
        review(total_ms=total_ms, minutes=minutes),
        runs=[run(number, at) for number, at in enumerate(sorted(runs), start=1)],
        hints=[HintTaken(slot=1, rung=1, text="", at_ms=at, cost_minutes=0) for at in hints],
        lanes=[lane(1, [Said(at, "fixed", None) for at in sorted(runs)], end_ms=total_ms, clean_ms=None)],
        times=times(
            work=Work(marked={slot: n for slot, n in edits.items() if slot * 15_000 <= total_ms}),
            total_ms=total_ms,
        ),
    )
    drawn = hour(made, kept_ms=MINUTE)
    places = [tick.x for tick in drawn.ticks] + [sign.x for sign in drawn.signs]
    places += [100 if drawn.end_x is None else drawn.end_x]
    places += [x for row in drawn.rows for part in row.parts for x in (part.x1, part.x2)]
    assert all(0 <= x <= 100 for x in places)
    assert 2 <= len(drawn.ticks) <= 10
    assert all(bar.height <= 40 and bar.width > 0 for bar in drawn.bars)
    end = 100 if drawn.end_x is None else drawn.end_x
    assert all(bar.x + bar.width <= end + 0.5 for bar in drawn.bars)
