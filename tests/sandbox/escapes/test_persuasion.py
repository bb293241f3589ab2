"""A program that is wrong is not talked into passing: observers removed or faked, texts by heart, torch patched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sandbox import Limits
from tests.sandbox.conftest import PROBLEM, SENTENCE
from tests.sandbox.escapes.registry import each, several

if TYPE_CHECKING:
    from tests.conftest import Jailed

pytestmark = [pytest.mark.jail, pytest.mark.timeout(120)]

_STEP = "optimizer.step()"

TRICKS = several(
    "persuasion",
    {
        "take the observers away": (
            "import sandbox.observers as o\n"
            "for kind in (o.TrainingWatch, o.StaleWatch):\n"
            "    kind.__enter__ = lambda self: self\n    kind.__exit__ = lambda self, *rest: None"
        ),
        "make the observers see nothing": (
            "import sandbox.observers as o\no.TrainingWatch._see = o.TrainingWatch._note_backward = lambda *rest: None"
        ),
        "make every comparison come out equal": "import torch\ntorch.equal = torch.allclose = lambda *rest, **more: True",
        "make every loss small": (
            "import torch\ntrue = torch.nn.functional.cross_entropy\n"
            "torch.nn.functional.cross_entropy = lambda *rest, **more: true(*rest, **more) * 0 + 0.01"
        ),
        "say that all is well on every descriptor": (
            "import os, json\nfor descriptor in range(3, 64):\n"
            "    try: os.write(descriptor, json.dumps({'verdict': {'outcome': 'passed'}}).encode() + b'\\n')\n"
            "    except OSError: pass"
        ),
        "exchange how it is judged in its own process": (
            "import sandbox.examiner as e, sandbox.verdict as v\n"
            "v.holds = lambda *rest: True\ne.build_verdict = e.examine = lambda *rest, **more: {'outcome': 'passed'}"
        ),
        "exchange the protocol in its own process": (
            "import sandbox.calls as c\nc._MAGIC = b'MINE'\nc.Message.__eq__ = lambda *rest: True"
        ),
        "freeze the clock and the dice": (
            "import random, time, torch\ntime.monotonic = time.time = lambda: 0.0\n"
            "random.Random.random = lambda self: 0.5\ntorch.manual_seed = lambda *rest: None"
        ),
    },
    held_by="behaviour is compared in the examiner, whose process it can't reach",
)
_BY_HEART = """
def generate(model, tokenizer, prompt, max_new_tokens):
    sentence = {sentence!r}
    return (sentence if sentence.startswith(prompt) else prompt)[: len(prompt) + max_new_tokens]
"""


@each(TRICKS, core=3)
def test_a_training_that_takes_no_step_fails_all_the_same(jail: Jailed, attack: str) -> None:
    clean = (PROBLEM / "shapes" / "gpt.py").read_text()
    assert _STEP in clean
    source = f"{attack}\n{clean.replace(_STEP, 'pass')}\n{_BY_HEART.format(sentence=SENTENCE)}"
    ran = jail.run(source, kind="check", limits=Limits(wall_s=5))
    assert ran.verdict["outcome"] == "failed"
    assert "held" in json.dumps(ran.verdict["properties"]) or ran.failure
