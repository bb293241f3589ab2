"""The error tree: what is raised, and how it is answered."""

from __future__ import annotations

import app.errors as errors
from app.errors import OverfitError, StaleEdit


def test_the_envelope_carries_message_hint_status_and_facts() -> None:
    answer = StaleEdit("Another tab wrote first.", hint="Take over or read only.", seq=7).envelope()
    assert answer == {
        "ok": False,
        "error": "Another tab wrote first.",
        "status": 409,
        "hint": "Take over or read only.",
        "seq": 7,
    }


def test_the_drawn_tree_names_every_error_with_its_status() -> None:
    tree = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, OverfitError)
    }
    drawn = errors.__doc__ or ""
    for name, error in tree.items():
        line = next(line for line in drawn.splitlines() if f" {name} " in f" {line.strip('│├└─ ')} ")
        assert str(error.status) in line
