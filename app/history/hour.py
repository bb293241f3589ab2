"""The timeline of an attempt as a picture: where each thing stands, in shares of the width and in pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from app.history.lanes import Kind, Lane
from app.history.views import Review
from app.history.watch import SLOT_MS
from app.web.words import clock, plural, sentence_case

MINUTE_MS = 60_000
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440)  # minutes between two labels
LABELS = 7  # at most so many
SHOWN_SHARE = 0.4  # an attempt that took less of its time than this is drawn larger
BARS = 75  # at most so many columns of edits
WIDTHS = (1, 4, 8, 20, 60, 240, 5760)  # quarters of a minute that one column may hold
MARKED_HEIGHT, ELSEWHERE_HEIGHT = 40, 22
EDITS_Y, LANES_Y, LANE_HEIGHT, FOOT = 78, 166, 38, 22
LABEL_SHARE = 14.0  # a label beside a sign is left out when the next sign is nearer than this


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One column of edits."""

    x: float
    width: float
    y: float
    height: float
    marked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A run or a hint, and what is written beside it where there is room."""

    x: float
    kind: Literal["run", "hint"]
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    x1: float
    x2: float
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    x: float
    kind: Literal["file", "seen", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The lane of one bug."""

    y: int
    name: str
    about: str
    parts: tuple[Part, ...]
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """Everything that is drawn; x and widths are percentages."""

    height: int
    ticks: tuple[Tick, ...]
    kept_x: float | None
    end_x: float
    unit: str
    bars: tuple[Bar, ...]
    signs: tuple[Sign, ...]
    rows: tuple[Row, ...]
    words: str


def hour(review: Review, *, kept_ms: int) -> Hour:
    """The picture of a review; `kept_ms` is the end of the time that is kept for verifying."""
    limit = None if review.minutes is None else review.minutes * MINUTE_MS
    width = _width(review.times.total_ms, limit)
    wide = next((wide for wide in WIDTHS if width <= BARS * wide * SLOT_MS), WIDTHS[-1])
    titles = {bug.slot: (sentence_case(bug.family), f"line {bug.line}") for bug in review.bugs}
    return Hour(
        height=LANES_Y + LANE_HEIGHT * len(review.lanes) + FOOT,
        ticks=_ticks(width),
        kept_x=None if limit is None or limit - kept_ms >= width else _x(limit - kept_ms, width),
        end_x=_x(review.times.total_ms, width),
        unit=_unit(wide),
        bars=_bars(review, width, wide),
        signs=_signs(review, width),
        rows=tuple(
            _row(one, place, titles, width, ended=review.state != "open")
            for place, one in enumerate(review.lanes)
        ),
        words=_words(review),
    )


def _width(total_ms: int, limit_ms: int | None) -> int:
    """How much time is drawn: all that there was, or what was used with some room, where that was little."""
    if limit_ms is not None and total_ms > SHOWN_SHARE * limit_ms:
        return limit_ms
    minutes = -(-total_ms // MINUTE_MS) + 1
    step = _step(minutes)
    rounded = -(-minutes // step) * step * MINUTE_MS
    return rounded if limit_ms is None else min(rounded, limit_ms)


def _step(minutes: int) -> int:
    return next((step for step in STEPS if minutes <= step * LABELS), -(-minutes // LABELS))


def _unit(wide: int) -> str:
    if wide == 1:
        return "in 15 seconds"
    minutes = wide // 4
    return "a minute" if minutes == 1 else f"in {minutes} minutes" if minutes < 60 else "an hour or more"


def _x(ms: int, width: int) -> float:
    return round(min(max(ms / width, 0.0), 1.0) * 100, 2)


def _ticks(width: int) -> tuple[Tick, ...]:
    minutes = width // MINUTE_MS
    step = _step(minutes)
    return tuple(
        Tick(x=_x(minute * MINUTE_MS, width), label=_tick_label(minute, step))
        for minute in range(0, minutes + 1, step)
    )


def _tick_label(minute: int, step: int) -> str:
    if step < 60:
        return f"{minute} min"
    return f"{minute // 60} h" if step < 1440 else f"{minute // 1440} d"


def _bars(review: Review, width: int, wide: int) -> tuple[Bar, ...]:
    work = review.times.work
    marked, elsewhere = _columns(work.marked, wide), _columns(work.elsewhere, wide)
    if not (review.marks or review.key):
        marked, elsewhere = elsewhere, {}  # nothing is said of where the bugs are
    most = max([*marked.values(), *elsewhere.values()], default=1)
    share = 100 * wide * SLOT_MS / width
    bars = []
    for inside, columns in ((True, marked), (False, elsewhere)):
        room = MARKED_HEIGHT if inside else ELSEWHERE_HEIGHT
        for column, number in sorted(columns.items()):
            height = round(max(2.0, room * number / most), 1)
            bars.append(
                Bar(
                    x=round(column * share + share * 0.12, 2),
                    width=round(share * 0.76, 2),
                    y=EDITS_Y - 1 - height if inside else EDITS_Y + 1.5,
                    height=height,
                    marked=inside,
                )
            )
    return tuple(bars)


def _columns(by_slot: Mapping[int, int], wide: int) -> dict[int, int]:
    columns: dict[int, int] = {}
    for slot, number in by_slot.items():
        columns[slot // wide] = columns.get(slot // wide, 0) + number
    return columns


def _signs(review: Review, width: int) -> tuple[Sign, ...]:
    """Runs and hints in their order, each with its words where the next leaves room for them."""
    found: list[tuple[int, Literal["run", "hint"], str]] = [
        (run.created_at - review.started_at, "run", f"{run.kind} {run.number}") for run in review.runs
    ]
    found += [(hint.at_ms, "hint", f"hint {hint.rung} on bug {hint.slot}") for hint in review.hints]
    found.sort()
    ends = [_x(at, width) for at, _, _ in found[1:]] + [100.0 + LABEL_SHARE / 2] * bool(found)
    return tuple(
        Sign(
            x=_x(at, width),
            kind=kind,
            label=label if end - _x(at, width) >= LABEL_SHARE else "",
        )
        for (at, kind, label), end in zip(found, ends, strict=True)
    )


def _row(one: Lane, place: int, titles: Mapping[int, tuple[str, str]], width: int, *, ended: bool) -> Row:
    name, about = titles.get(one.slot, (f"Bug {one.slot}", ""))
    points: list[Point] = []
    for before, after in pairwise(one.spans):
        points.append(Point(x=_x(before.end_ms, width), kind=after.kind))
    if ended and one.now == "broken" and one.spans:
        points.append(Point(x=_x(one.spans[-1].end_ms, width), kind="broken"))
    return Row(
        y=LANES_Y + LANE_HEIGHT * place,
        name=f"{one.slot}  {name}" if about else name,
        about=about,
        parts=tuple(
            Part(x1=_x(span.start_ms, width), x2=_x(span.end_ms, width), kind=span.kind) for span in one.spans
        ),
        points=tuple(points),
    )


def _words(review: Review) -> str:
    """What the picture shows, as sentences."""
    said = [
        f"{sentence_case(plural(len(review.runs), 'run'))} in {clock(review.times.total_ms)}",
        *(_lane_words(one) for one in review.lanes),
    ]
    return ". ".join(said) + "."


def _lane_words(one: Lane) -> str:
    made = f"fixed at {clock(one.fixed_ms)}" if one.fixed_ms is not None else ""
    seen = f"seen at {clock(one.seen_ms)}" if one.seen_ms is not None else ""
    known = " and ".join(part for part in (made, seen) if part) or "never fixed"
    return f"Bug {one.slot} {known}{', then broken again' if one.now == 'broken' and seen else ''}"
