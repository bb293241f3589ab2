"""In the zygote's place for `overfit bench`: where the time goes until a jailed child prints its first line.

Started through the launcher, so it stands in the same root and namespaces; it says its rounds on descriptor 1
as one line of JSON and ends.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace

from sandbox import jail
from sandbox.bodies import WORKERS
from sandbox.child import Nursery
from sandbox.grip import own_memory
from sandbox.launch import Start
from sandbox.limits import Limits
from sandbox.pages import settle_heap
from sandbox.preload import warm
from sandbox.zygote import find_walls

STEPS = ("fork", "namespaces", "mounts", "limits and filters", "first line", "reaped")
_ROUNDS = 15
_PROGRAM = "print('line', flush=True)"
_MARKS = 3  # the descriptor that they leave by

Round = dict[str, float]  # a step -> its milliseconds


def main(text: str) -> int:
    start = Start.from_json(text)
    namespace = os.open("/proc/self/ns/pid", os.O_RDONLY) if start.namespaces else None
    nursery = Nursery(memory_above=0, own_namespace=namespace)
    walls, _, _ = find_walls(start, nursery)
    warm(("sandbox.supervisor", *WORKERS))
    settle_heap()
    nursery = replace(nursery, memory_above=own_memory())
    nothing = os.open("/dev/null", os.O_RDWR)
    _one(nursery, _jailed(walls), nothing)  # once for nothing
    rounds = [
        {"jailed": _one(nursery, _jailed(walls), nothing), "plain": _one(nursery, _plain, nothing)}
        for _ in range(_ROUNDS)
    ]
    os.write(1, json.dumps(rounds).encode() + b"\n")
    return 0


def _one(nursery: Nursery, body: Callable[[], int], nothing: int) -> Round:
    reading, writing = os.pipe()
    started = time.monotonic()
    child = nursery.fork(body, files=(nothing, nothing, 2, writing), limits=Limits())
    os.close(writing)
    with os.fdopen(reading) as pipe:
        marks = [(step, float(at)) for step, at in (line.split("=") for line in pipe)]
    child.reap()
    marks.append((STEPS[-1], time.monotonic()))
    times = [started, *(at for _, at in marks)]
    return {step: 1000 * (at - times[place]) for place, (step, at) in enumerate(marks)}


def _plain() -> int:
    """A child without a wall."""
    _mark("fork")
    return _print_line()


def _jailed(walls: jail.Walls) -> Callable[[], int]:
    def body() -> int:
        _mark("fork")
        jail.lock(walls, Limits(), mark=_mark)
        return _print_line()

    return body


def _print_line() -> int:
    exec(compile(_PROGRAM, "gpt.py", "exec"), {"__name__": "__main__"})
    _mark("first line")
    return 0


def _mark(step: str) -> None:
    os.write(_MARKS, f"{step}={time.monotonic()}\n".encode())
