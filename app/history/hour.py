"""The timeline of a stage in its hour: where each thing stands, in shares of the width and in pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from app.history.lanes import Kind, Lane
from app.history.scale import MINUTE_MS, Scale, Tick, scale_for
from app.history.views import Review
from app.history.watch import SLOT_MS
from app.web.words import clock, plural, sentence_case

MARKED_HEIGHT, ELSEWHERE_HEIGHT = 40, 22
EDITS_Y, LANES_Y, LANE_HEIGHT, FOOT = 78, 166, 38, 22
BANDS_HEIGHT = 30
LABEL_SHARE = 14.0  # a label beside a sign is left out when the next sign is nearer than this
LINE_UNTIL = 99.9  # of the width: an end further right has no line
LEAST_SHARE = 0.5  # of the width, for a column of edits


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One stage, above all else; `here` is the one that is told below."""

    x: float
    width: float
    title: str
    here: bool


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
    """A run or a hint, with its words where there is room for them; `other` is a run of another stage."""

    x: float
    kind: Literal["run", "hint", "other"]
    label: str
    label_x: float  # where the words begin: at the sign, or behind the line of the end


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

    top: int  # room for the bands
    height: int  # of all that is below
    bands: tuple[Band, ...]
    ticks: tuple[Tick, ...]
    kept_x: float | None
    end_x: float | None  # None where the picture ends with it
    unit: str
    bars: tuple[Bar, ...]
    signs: tuple[Sign, ...]
    rows: tuple[Row, ...]
    words: str


def hour(review: Review, *, kept_ms: int) -> Hour:
    """The picture of a stage in its hour; `kept_ms` is the end of the time that is kept for verifying."""
    limit = None if review.minutes is None else (review.minutes + review.extra_minutes) * MINUTE_MS
    scale = scale_for(review.hour_ms, limit)
    titles = {bug.slot: (sentence_case(bug.family), f"line {bug.line}") for bug in review.bugs}
    bands = _bands(review, scale)
    return Hour(
        top=BANDS_HEIGHT if bands else 0,
        height=LANES_Y + LANE_HEIGHT * len(review.lanes) + FOOT,
        bands=bands,
        ticks=scale.ticks,
        kept_x=None if limit is None or limit - kept_ms >= scale.width else scale.x(limit - kept_ms),
        end_x=end_x if (end_x := scale.x(review.hour_ms)) < LINE_UNTIL else None,
        unit=scale.unit,
        bars=_bars(review, scale),
        signs=_signs(review, scale),
        rows=tuple(
            _row(one, place, titles, scale, ended=review.over) for place, one in enumerate(review.lanes)
        ),
        words=_words(review),
    )


def _bands(review: Review, scale: Scale) -> tuple[Band, ...]:
    """The stages that were reached, where there was more than one."""
    if len(review.stages) < 2:
        return ()
    bands = []
    for stage in review.stages:
        x1 = scale.x(stage.begins_ms)
        x2 = scale.x(review.hour_ms if stage.ends_ms is None else stage.ends_ms)
        here = stage.position == review.position
        bands.append(Band(x=x1, width=round(x2 - x1, 2), title=stage.title, here=here))
    return tuple(bands)


def _bars(review: Review, scale: Scale) -> tuple[Bar, ...]:
    work, wide, begins = review.times.work, scale.wide, 100 * review.times.begins_ms / scale.width
    marked, elsewhere = _columns(work.marked, wide), _columns(work.elsewhere, wide)
    if review.where == "any":
        marked, elsewhere = (
            _columns({**work.marked, **work.elsewhere}, wide),
            {},
        )  # nothing is said of where the bugs are
    most = max([*marked.values(), *elsewhere.values()], default=1)
    share = 100 * wide * SLOT_MS / scale.width
    end, bars = scale.x(review.hour_ms), []
    for inside, columns in ((True, marked), (False, elsewhere)):
        room = MARKED_HEIGHT if inside else ELSEWHERE_HEIGHT
        for column, number in sorted(columns.items()):
            height = round(max(2.0, room * number / most), 1)
            x = max(0.0, min(begins + column * share, end - LEAST_SHARE))
            here = min(share, max(end - x, LEAST_SHARE))  # the last column ends with the round
            bars.append(
                Bar(
                    x=round(x + here * 0.12, 2),
                    width=round(here * 0.76, 2),
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


def _signs(review: Review, scale: Scale) -> tuple[Sign, ...]:
    """Runs and hints in their order, each with its words where the next leaves room for them."""
    found: list[tuple[int, Literal["run", "hint", "other"], str]] = [
        (run.created_at - review.started_at, "run", f"{run.kind} {run.number}") for run in review.runs
    ]
    found += [(hint.at_ms, "hint", hint.words) for hint in review.hints]
    others = (stage for stage in review.stages if stage.position != review.position)
    found += [(at, "other", "") for stage in others for at in stage.runs_ms]
    found.sort()
    if not found:
        return ()
    places = [scale.x(at) for at, _, _ in found]
    words = [*places[:-1], _clear_of_the_end(places[-1], scale.x(review.hour_ms))]
    ends = [*places[1:], 100.0 + LABEL_SHARE / 2]
    return tuple(
        Sign(x=x, kind=kind, label=label if end - label_x >= LABEL_SHARE else "", label_x=label_x)
        for (_, kind, label), x, label_x, end in zip(found, places, words, ends, strict=True)
    )


def _clear_of_the_end(x: float, end: float) -> float:
    """Where the words of the last sign begin: the line of the end is not to go through them."""
    return end if x <= end < min(x + LABEL_SHARE, LINE_UNTIL) else x


def _row(one: Lane, place: int, titles: Mapping[int, tuple[str, str]], scale: Scale, *, ended: bool) -> Row:
    name, about = titles.get(one.slot, (f"Bug {one.slot}", ""))
    points: list[Point] = []
    for before, after in pairwise(one.spans):
        points.append(Point(x=scale.x(before.end_ms), kind=after.kind))
    if ended and one.now == "broken" and one.spans:
        points.append(Point(x=scale.x(one.spans[-1].end_ms), kind="broken"))
    return Row(
        y=LANES_Y + LANE_HEIGHT * place,
        name=f"{one.slot}  {name}" if about else name,
        about=about,
        parts=tuple(
            Part(x1=scale.x(span.start_ms), x2=scale.x(span.end_ms), kind=span.kind) for span in one.spans
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
