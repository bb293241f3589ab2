"""The zygote's heaps before it forks: what a child makes costs it no pages of the parent's."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from textwrap import dedent

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="glibc of 2.33 or later, whose heap it is"
)

FRAGMENTED = """
    import ctypes, os, resource
    from sandbox import gaps

    libc = ctypes.CDLL(None)
    small = lambda count: [(i, str(i)) for i in range(count)]  # of Python's own allocator
    large = lambda count: [bytes(600 + i % 7) for i in range(count)]  # of glibc's
    kept = small(60_000), large(60_000)
    for objects in kept:
        del objects[::2]

    def faults_of_a_child(make):
        reading, writing = os.pipe()
        if os.fork() == 0:
            made = make(3_000)
            os.write(writing, b"%d" % resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
            os._exit(0)
        os.wait()
        return int(os.read(reading, 100))
"""
ADDR_COMPAT_LAYOUT = 0x0200000


def _said_by(program: str, *, before: Callable[[], None] | None = None) -> list[int]:
    """What it prints, in a process that `before` prepares: the layout of its memory is made as it begins."""
    code = dedent(FRAGMENTED) + dedent(program)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, preexec_fn=before
    )
    return [int(word) for word in done.stdout.split()]


def _with_an_endless_stack() -> None:
    most = resource.getrlimit(resource.RLIMIT_STACK)[1]
    resource.setrlimit(resource.RLIMIT_STACK, (most, most))


def _from_the_bottom_up() -> None:
    if ctypes.CDLL(None).personality(ADDR_COMPAT_LAYOUT) == -1:
        os._exit(77)  # forbidden here, and not to be taken for another layout


@pytest.mark.parametrize("before", [None, _with_an_endless_stack, _from_the_bottom_up])
def test_gaps_that_were_filled_are_no_more(before: Callable[[], None] | None) -> None:
    first, second = _said_by("print(gaps.fill_gaps(), gaps.fill_gaps())", before=before)

    assert 15_000_000 < first < 64 << 20
    assert second < first / 4


@pytest.mark.parametrize(
    ("fill", "make"),
    [("gaps.fill_python()", "small"), ("gaps.fill_glibc(libc)", "large")],
    ids=["python", "glibc"],
)
def test_a_child_copies_fewer_pages_once_the_gaps_are_filled(fill: str, make: str) -> None:
    before, _, after = _said_by(f"print(faults_of_a_child({make}), {fill}, faults_of_a_child({make}))")

    assert after < before / 2
