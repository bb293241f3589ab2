"""The lab with nothing faked: clean programs of each kind are timed in the jail, in under five seconds."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from app.complexity.lab_words import findings
from app.complexity.slopes import Series, Whose, read_series
from app.engine.judge import limits
from app.engine.lab import Lab, Timed
from app.engine.queue import Queue
from app.settings import CHECKOUT, Settings
from sandbox import Sandbox

pytestmark = [pytest.mark.anyio, pytest.mark.jail, pytest.mark.slow, pytest.mark.timeout(180)]

TEXT = "attention is a soft lookup over the past"
PAIRS = (  # without a cache, and over one
    ("gpt/shapes/gpt.py", "kv_cache/shapes/gpt.py"),
    ("gpt/shapes/labels.py", "kv_cache/shapes/labels.py"),
    ("gpt/shapes/pairs.py", "kv_cache/valid/cache_preallocated.py"),
)
OWN: Whose = "yours"


def program(path: str) -> Timed:
    return Timed(source=(CHECKOUT / "problems" / path).read_text(), text=TEXT)


async def test_a_step_grows_with_t_as_it_must_and_the_lab_is_quick(tmp_path: Path) -> None:
    sandbox, queue = Sandbox(slots=1), Queue(slots=1)
    lab = Lab(queue=queue, sandbox=sandbox, limits=limits(Settings(data=tmp_path)))
    await sandbox.warm()
    try:
        queue.open(lambda _run: sandbox.warm())
        for uncached, cached in PAIRS:
            began = time.monotonic()
            programs = {"uncached": program(uncached), "cached": program(cached)}
            facts = await lab.measure(programs, user_id="me")
            seconds = time.monotonic() - began
            without = read_series(facts, name="uncached", whose=OWN)
            over = read_series(facts, name="cached", whose=OWN)
            assert without is not None and over is not None
            print(f"{uncached}: {seconds:.2f} s; {told(without)}; {told(over)}")
            print(json.dumps(findings([without, over]), indent=1, ensure_ascii=False))
            assert without.points[-1].T >= 512 and over.points[-1].T >= 8192
            assert without.context is not None and without.context.was == 128
            assert without.tail is not None and over.tail is not None
            assert 1.2 < without.tail < 4 and 0.2 < over.tail < 2
            assert without.tail > over.tail
            assert seconds < 5
    finally:
        await queue.close()
        await sandbox.close()


def told(one: Series) -> str:
    return f"{one.name} up to {one.points[-1].T}: slope {one.slope:.2f}, tail {one.tail:.2f}"
