"""Which pictures a verdict shows, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from app.web.pictures import pictures
from app.web.templating import environment

SEEN = {"chars": ["a"], "matrix": [[1.0]], "tolerance": 1e-6, "reference": [[1.0]]}
DATA: dict[str, dict[str, Any]] = {
    "attention_rows": {"chars": ["<"], "matrix": [[0.5]], "reference": [[1.0]]},
    "position_init": {"rows": [None, 20.0], "tokens": 0.1, "reference": {"rows": [0.1, 0.1], "tokens": 0.1}},
    "gradients_reach": {"tensors": [["<script>", None, 1.0], ["b", 1.0]], "of": 50},
}


def properties(causal: str) -> list[dict[str, Any]]:
    others = [{"name": name, "status": "broken", "data": data} for name, data in DATA.items()]
    return [{"name": "causal", "status": causal, "data": SEEN}, *others]


@pytest.mark.parametrize(
    ("causal", "order"),
    [("held", ["rows", "norms", "reach", "sight"]), ("broken", ["sight", "rows", "norms", "reach"])],
)
def test_what_is_broken_comes_first(causal: str, order: list[str]) -> None:
    assert [picture.name for picture in pictures(properties(causal))] == order


def test_without_numbers_there_is_no_picture() -> None:
    entries = [{"name": name, "status": "broken"} for name in ("causal", *DATA)]
    assert pictures(entries) == ()
    assert pictures([{**entry, "data": "none"} for entry in entries]) == ()


@pytest.mark.parametrize("picture", pictures(properties("held")), ids=lambda picture: picture.name)
def test_each_is_named_says_its_finding_and_offers_a_table(picture: Any) -> None:
    template = environment().get_template(f"attempts/pictures/{picture.drawn_by}.html")
    html = template.render(picture=picture, uid="run")
    assert f'aria-labelledby="{picture.name}-run"' in html
    assert 'role="img" aria-label="Yours: ' in html
    assert "Reference: " in html
    assert f'popovertarget="numbers-{picture.name}-run"' in html
    assert "style=" not in html
    assert "<script" not in html
