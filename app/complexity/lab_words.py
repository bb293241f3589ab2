"""What the lab found, in sentences made from what was measured: where theory and the machine part."""

from __future__ import annotations

from collections.abc import Sequence

from app.complexity.slopes import Name, Series

STEEPER = 0.25  # a slope this far above theory is told
TITLES: dict[Name, str] = {"uncached": "Without a cache", "cached": "With a cache"}
POWERS: dict[Name, str] = {"uncached": "T²", "cached": "T"}
BEFORE: dict[Name, str] = {
    "uncached": "the projections, T d², and the fixed cost of a call outweigh the T² d of the scores",
    "cached": "the token's own projections, d², and the fixed cost of a call outweigh the T d of its scores",
}


def ms(value: float) -> str:
    """Three figures: 108 ms, 14.4 ms, 0.480 ms."""
    return f"{value:.0f} ms" if value >= 99.95 else f"{value:#.3g} ms"


def power(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f}".replace("-", "−")


def findings(series: Sequence[Series]) -> list[str]:
    """A sentence or two for each curve, and one on both."""
    told = [sentence for one in series for sentence in (_slopes(one), _parting(one))]
    return [*told, *_steeper(series), *_gain(series)]


def sources(series: Sequence[Series]) -> list[str]:
    """Whose model each curve is, and what was put into it."""
    told = [f"{TITLES[one.name]}: {_whose(one)} {_context(one)}." for one in series]
    if any(one.whose == "clean" for one in series):
        told.append("Your own takes the place of a clean model once a run has shown that it holds.")
    return told


def finding(series: Sequence[Series]) -> str:
    """The picture in a sentence, for those who do not see it."""
    return " ".join(_slopes(one) for one in series)


def _steeper(series: Sequence[Series]) -> list[str]:
    steep = [one.name for one in series if (one.tail or 0.0) > one.theory + STEEPER]
    if not steep:
        return []
    where = "with a cache and without" if len(steep) == 2 else TITLES[steep[0]].lower()
    return [
        f"In the last half it is steeper than theory {where}. Theory counts multiplications alone: numbers"
        " that outgrow the processor's caches take longer to fetch."
    ]


def _slopes(one: Series) -> str:
    first, last = one.points[0], one.points[-1]
    return (
        f"{TITLES[one.name]} a step takes {ms(first.ms)} at T = {first.T} and {ms(last.ms)} at T = {last.T}:"
        f" slope {power(one.slope)} over all, {power(one.tail)} in the last half. Theory, {POWERS[one.name]},"
        f" says {one.theory}."
    )


def _parting(one: Series) -> str:
    bound = power(one.theory - 0.5)
    if one.parting is None:
        return f"Up to T = {one.points[-1].T} the slope stays under {bound}: {BEFORE[one.name]}."
    if one.parting <= one.points[0].T:
        return f"From T = {one.points[0].T} on the slope is {bound} or more: the scores lead throughout."
    return f"Below T ≈ {_about(one.parting)} the slope is under {bound}: there {BEFORE[one.name]}."


def _about(length: float) -> str:
    """Two figures, as more would claim too much."""
    return f"{float(f'{length:.2g}'):.0f}"


def _gain(series: Sequence[Series]) -> list[str]:
    by_name = {one.name: dict(one.points) for one in series}
    both = set(by_name.get("uncached", ())) & set(by_name.get("cached", ()))
    if not both:
        return []
    length = max(both)
    without, over = by_name["uncached"][length], by_name["cached"][length]
    if without <= over:
        return [f"At T = {length} the cache saves nothing: {ms(without)} without it, {ms(over)} with it."]
    return [
        f"At T = {length} the cache makes a step {_times(without / over)} times cheaper:"
        f" {ms(without)} without it, {ms(over)} with it."
    ]


def _times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"


def _whose(one: Series) -> str:
    return "your own model" if one.whose == "yours" else "the clean model"


def _context(one: Series) -> str:
    if one.context is None:
        return f"as far as it goes, T = {one.points[-1].T}"
    return f"with `{one.context.name}` = {one.context.now} in the place of {one.context.was}"
