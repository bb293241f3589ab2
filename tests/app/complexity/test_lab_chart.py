"""The lab's sentences are made from its numbers, and its picture says them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from app.complexity.lab import Shown
from app.complexity.lab_chart import Chart, chart
from app.complexity.lab_words import findings, ms, sources
from app.complexity.slopes import Context, Name, Point, Series, Whose
from app.web.templating import environment

LENGTHS = (64, 128, 256, 512, 1024, 2048, 4096)


def series(name: Name, cost: Callable[[int], float], *, whose: Whose = "yours", last: int = 4096) -> Series:
    points = tuple(Point(T, cost(T)) for T in LENGTHS[: LENGTHS.index(last) + 1])
    return Series(name=name, whose=whose, points=points, context=Context(name="N", was=128, now=last))


def both() -> list[Series]:
    without = series("uncached", lambda T: 0.002 * T + T**2 / 10_000, last=1024)
    return [without, series("cached", lambda T: 0.4 + T / 5_000, whose="clean")]


def test_the_sentences_carry_what_was_measured() -> None:
    told = " ".join(findings(both()))
    assert "Without a cache a step takes 0.538 ms at T = 64 and 107 ms at T = 1024" in told
    assert "With a cache a step takes 0.413 ms at T = 64 and 1.22 ms at T = 4096" in told
    assert "At T = 1024 the cache makes a step 177 times cheaper" in told
    assert "steeper than theory" not in told


def test_a_curve_is_told_as_steeper_than_theory_or_as_never_there() -> None:
    assert "steeper than theory" in " ".join(findings([series("cached", lambda T: T**1.5)]))
    assert "Up to T = 4096 the slope stays under 0.5" in " ".join(
        findings([series("cached", lambda _T: 1.0)])
    )
    assert "From T = 64 on the slope is 1.5 or more" in " ".join(
        findings([series("uncached", lambda T: T**2)])
    )


def test_a_cache_that_saves_nothing_is_told_so() -> None:
    same = [series("uncached", lambda T: T**2), series("cached", lambda T: T**2)]
    assert "the cache saves nothing" in findings(same)[-1]


def test_each_curve_says_whose_it_is_and_what_was_put_into_it() -> None:
    told = sources(both())
    assert told[0] == "Without a cache: your own model with `N` = 1024 in the place of 128."
    assert told[1] == "With a cache: the clean model with `N` = 4096 in the place of 128."
    assert told[2].startswith("Your own takes the place")
    assert len(sources(both()[:1])) == 1


@pytest.mark.parametrize(("value", "words"), [(0.48, "0.480 ms"), (14.36, "14.4 ms"), (108.2, "108 ms")])
def test_times_have_three_figures(value: float, words: str) -> None:
    assert ms(value) == words


def inside(picture: Chart) -> bool:
    paths = [path for curve in picture.curves for path in (curve.tail, curve.guide)]
    drawn = [tuple(map(float, pair)) for path in paths for pair in re.findall(r"([\d.-]+) ([\d.-]+)", path)]
    places = [*drawn, *(dot for curve in picture.curves for dot in curve.dots)]
    return all(
        picture.left - 0.1 <= x <= picture.right + 0.1 and picture.top - 0.1 <= y <= picture.bottom + 0.1
        for x, y in places
    )


@pytest.mark.parametrize("power", [0.0, 0.3, 1.0, 2.0, 6.0])
def test_everything_is_drawn_inside_the_plot(power: float) -> None:
    assert inside(chart(both()))
    assert inside(chart([series("cached", lambda T: T**power)]))


def test_the_picture_says_its_finding_and_offers_a_table() -> None:
    found = both()
    shown = Shown(at=0, chart=chart(found), findings=findings(found), sources=sources(found))
    html = environment().get_template("attempts/pictures/lab.html").render(lab=shown)
    assert 'role="img" aria-label="Without a cache a step takes 0.538 ms' in html
    assert 'popovertarget="numbers-lab-now"' in html
    assert html.count("<circle") == 12
    assert "<td>107 ms</td>" in html and "<td>–</td>" in html
    assert "style=" not in html
