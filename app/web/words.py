"""Numbers, times and plurals as the pages say them; static/js/lib/figures.js says them the same way."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

SMALL = (
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
CAPS = {"mod": "Ctrl", "shift": "⇧", "alt": "Alt", "enter": "⏎"}
SPARK_WIDTH, SPARK_HEIGHT = 72, 20
FLAT = 0.9  # a curve that keeps this much of its first loss has learned nothing


def clock(ms: float) -> str:
    """Minutes and seconds: 31:48, or 1:02:03 from an hour up."""
    seconds = max(0, math.ceil(ms / 1000))
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def loss(value: float | None) -> str:
    """A loss: 3.01, 0.46, 0.007."""
    if value is None or not math.isfinite(value):
        return "not a number"
    places = 2 if abs(value) >= 0.1 else 3 if abs(value) >= 0.001 else 4
    return f"{value:.{places}f}".replace("-", "−")


def power_of_ten(exponent: int) -> str:
    """A tick of a log axis: 0.01 to 1000 in figures, 10⁻³ and 10⁴ beyond."""
    if -2 <= exponent <= 3:
        return f"{10.0**exponent:g}"
    return "10" + str(exponent).translate(RAISED)


def count(number: int) -> str:
    """A count in words up to twelve, in figures beyond."""
    return SMALL[number] if 0 <= number < len(SMALL) else str(number)


def plural(number: int, one: str, many: str = "") -> str:
    """`number` with its noun: 1 run, 2 runs."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def sentence_case(words: str) -> str:
    """The first letter large, the rest as it is."""
    return words[:1].upper() + words[1:]


def day(ms: int) -> str:
    """A moment for those without scripts; with them the page says it in the reader's own zone."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%-d %b %Y, %H:%M} UTC"


def iso(ms: int) -> str:
    """A moment as the datetime attribute takes it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def keys(combination: str) -> str:
    """A combination such as mod+enter, as keyboards write it that have no ⌘."""
    return " ".join(CAPS.get(part, part.upper()) for part in combination.split("+"))


def tier(name: str) -> str:
    """A tier's name as a word of a sentence."""
    return {"reported": "As reported"}.get(name, sentence_case(name))


def figures(words: str) -> Markup:
    """Text with its decimal numbers strong (a claim stands on its number) and names in `ticks` as code."""
    words = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(words)))
    return Markup(re.sub(r"(?<![\w.])([−-]?\d+\.\d+)(?!\w|\.\d)", r"<b>\1</b>", words))


def as_json(value: Any) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@dataclass(frozen=True, slots=True)
class Spark:
    """A small curve as SVG takes it."""

    path: str
    x: float
    y: float
    flat: bool
    words: str


def sparkline(losses: Sequence[float] | None) -> Spark | None:
    """Losses drawn into 72 × 20 from zero up; None without any."""
    if not losses:
        return None
    top = max(max(losses), 1e-9)
    step = (SPARK_WIDTH - 2) / max(1, len(losses) - 1)
    points = [
        (1 + step * index, 1.5 + (SPARK_HEIGHT - 3) * (1 - value / top)) for index, value in enumerate(losses)
    ]
    flat = len(losses) > 1 and losses[-1] > FLAT * losses[0]
    return Spark(
        path="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points),
        x=round(points[-1][0], 1),
        y=round(points[-1][1], 1),
        flat=flat,
        words=f"loss from {loss(losses[0])} to {loss(losses[-1])}",
    )


FILTERS: dict[str, Callable[..., Any]] = {
    "clock": clock,
    "loss": loss,
    "count": count,
    "plural": plural,
    "sentence_case": sentence_case,
    "day": day,
    "iso": iso,
    "keys": keys,
    "tier": tier,
    "figures": figures,
    "json": as_json,
    "sparkline": sparkline,
}
