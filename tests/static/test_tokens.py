"""The colours by number: every text pair is legible in both themes, pass and fail differ for every eye."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path

import pytest

from app.settings import CHECKOUT

CSS = CHECKOUT / "static" / "css"
MEANINGS = ("pass", "fail", "note", "time")
CODE = ("comment", "keyword", "string", "number", "def", "self", "ink")
TEXT = [
    *((ink, "bg") for ink in ("ink", "ink-body", "ink-2", "ink-3", "link")),
    *(("ink-body", ground) for ground in ("bg-sunken", "bg-bar", "bg-overlay")),
    *(("ink-2", ground) for ground in ("bg-bar", "bg-press", "bg-overlay")),
    *(("ink-3", ground) for ground in ("bg-bar", "bg-sunken", "bg-select", "fail-tint", "note-tint")),
    *(("on-action", ground) for ground in ("action", "action-hover")),
    *(
        (f"{name}-ink", ground)
        for name in MEANINGS
        for ground in ("bg", "bg-bar", "bg-sunken", f"{name}-tint")
    ),
    ("link", "bg-select"),
    ("pass-ink", "note-tint"),
    *((f"code-{name}", ground) for name in CODE for ground in ("bg", "time-tint")),
]
SIGNS = [
    *((f"{name}-fill", "bg") for name in ("pass", "fail", "note", "blocked")),
    *((name, "bg") for name in ("line-control", "focus", "theirs", "heat")),
    ("focus", "bg-bar"),
]
# Machado, Oliveira, Fernandes 2009, severity 1: what the three kinds of colour blindness make of linear RGB
EYES = {
    "deutan": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "protan": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "tritan": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}

Colour = tuple[float, float, float]


@cache
def tokens() -> dict[str, str]:
    text = (CSS / "tokens.css").read_text(encoding="utf-8").split("@media")[0]
    return {name: value.strip() for name, value in re.findall(r"--([\w-]+):\s*([^;]+);", text)}


def colour(name: str, theme: int) -> Colour:
    """A token as linear RGB in theme 0 (light) or 1 (dark)."""
    value = tokens()[name]
    if value.startswith("light-dark("):
        value = re.findall(r"(?:oklch|var)\([^)]*\)", value)[theme]
    if value.startswith("var("):
        return colour(value[6:-1], theme)
    lightness, chroma, hue = (float(part) for part in re.findall(r"[\d.]+", value)[:3])
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return clamped(
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def clamped(*channels: float) -> Colour:
    red, green, blue = (min(1.0, max(0.0, channel)) for channel in channels)
    return red, green, blue


def contrast(ink: Colour, ground: Colour) -> float:
    """The ratio of WCAG 2."""
    light, dark = sorted((0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (ink, ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def oklab(seen: Colour) -> Colour:
    r, g, b = seen
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def seen_by(eye: str, shown: Colour) -> Colour:
    return oklab(clamped(*(sum(w * c for w, c in zip(row, shown, strict=True)) for row in EYES[eye])))


@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_is_legible_in_both_themes(ink: str, ground: str) -> None:
    assert min(contrast(colour(ink, theme), colour(ground, theme)) for theme in (0, 1)) >= 4.5


@pytest.mark.parametrize(("sign", "ground"), SIGNS)
def test_signs_are_seen_in_both_themes(sign: str, ground: str) -> None:
    assert min(contrast(colour(sign, theme), colour(ground, theme)) for theme in (0, 1)) >= 3


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize(("kind", "distance"), [("fill", 0.10), ("ink", 0.08)])
def test_pass_and_fail_differ_for_every_eye(eye: str, kind: str, distance: float) -> None:
    for theme in (0, 1):
        one, other = (seen_by(eye, colour(f"{name}-{kind}", theme)) for name in ("pass", "fail"))
        assert math.dist(one, other) >= distance


@pytest.mark.parametrize("sheet", sorted(CSS.glob("*.css")), ids=lambda sheet: sheet.name)
def test_components_know_purposes_and_no_raw_colours(sheet: Path) -> None:
    if sheet.name == "tokens.css":
        return
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.S)
    assert not re.findall(
        r"--(?:gray|teal|verm|amber|iris|blue)-\d|oklch\(|rgb\(|#[0-9a-f]{3,8}\b(?!\")", text
    )
    for name in re.findall(r"var\(--([\w-]+)", text):
        assert name in tokens() or name.startswith("c-"), name


def test_every_sheet_is_there_and_used() -> None:
    templates = "".join(
        page.read_text(encoding="utf-8") for page in (CHECKOUT / "templates").glob("**/*.html")
    )
    listed = re.findall(r"{% for sheet in \[([^\]]*)\] %}", templates)
    used = set(re.findall(r'"([\w-]+)"', "".join(listed))) | set(
        re.findall(r"/static/css/([\w-]+)\.css", templates)
    )
    assert used == {sheet.stem for sheet in CSS.glob("*.css")}
