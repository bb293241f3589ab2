"""A forked child is held by what the kernel says of it: its descriptors, limits and end."""

from __future__ import annotations

import ctypes
import os
import platform
import select
import threading
import time
from collections.abc import Callable

import pytest

from sandbox.child import Child, Nursery
from sandbox.grip import own_memory
from sandbox.job import Ending
from sandbox.limits import MIB, Limits

EXIT_THREAD = 60 if platform.machine() == "x86_64" else 93  # exit, of one thread
LIMITS = Limits(wall_s=0.2, memory_bytes=64 * MIB)


def fork(body: Callable[[], int], *more: int, limits: Limits = LIMITS) -> Child:
    nothing = os.open("/dev/null", os.O_RDWR)
    try:
        nursery = Nursery(memory_above=own_memory())
        return nursery.fork(body, files=(nothing, nothing, nothing, *more), limits=limits)
    finally:
        os.close(nothing)


def watched(child: Child) -> Ending:
    """Holds it to its limits until it is dead, as the supervisor does."""
    while not select.select([child.grip], [], [], 0.025)[0]:
        child.check_limits(time.monotonic())
    return child.reap()


def test_an_end_of_its_own_is_told_with_its_status() -> None:
    ending = watched(fork(lambda: 3, limits=Limits()))
    assert (ending.reason, ending.code) == ("exited", 3)


def test_an_exception_that_nobody_caught_is_a_status_of_its_own() -> None:
    assert watched(fork(lambda: 1 // 0, limits=Limits())).code == 70


def test_a_signal_is_told_with_its_number() -> None:
    def segfault() -> int:
        os.kill(os.getpid(), 11)
        return 0

    ending = watched(fork(segfault, limits=Limits()))
    assert (ending.reason, ending.code) == ("signalled", 11)


def sleep_for_ever() -> int:
    while True:
        time.sleep(1)


def test_over_its_time_it_is_killed() -> None:
    ending = watched(fork(sleep_for_ever))
    assert (ending.reason, ending.code) == ("timeout", 9)
    assert ending.wall_ms >= 200


@pytest.mark.parametrize("shared", [False, True], ids=["private", "shared"])
def test_over_its_memory_it_is_killed(shared: bool) -> None:
    def hoard() -> int:
        import mmap

        flags = mmap.MAP_ANONYMOUS | (mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE)
        held = []
        while True:
            held.append(mmap.mmap(-1, MIB, flags=flags))
            held[-1].write(b"x" * MIB)

    ending = watched(fork(hoard, limits=Limits(wall_s=30, memory_bytes=64 * MIB)))
    assert (ending.reason, ending.code) == ("memory", 9)
    assert ending.peak_bytes > 64 * MIB


def test_memory_is_counted_when_the_first_thread_has_ended_too() -> None:
    def hoard_behind_its_back() -> int:
        def hoard() -> None:
            held = []
            while True:
                held.append(bytearray(MIB))

        threading.Thread(target=hoard).start()
        ctypes.CDLL(None).syscall(EXIT_THREAD, 0)
        return 0

    ending = watched(fork(hoard_behind_its_back, limits=Limits(wall_s=30, memory_bytes=64 * MIB)))
    assert (ending.reason, ending.code) == ("memory", 9)


def test_over_its_threads_it_is_killed() -> None:
    def flood() -> int:
        for _ in range(50):
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        return sleep_for_ever()

    assert watched(fork(flood, limits=Limits(wall_s=30))).reason == "threads"


def test_the_first_reason_to_kill_it_is_the_one_that_is_told() -> None:
    child = fork(sleep_for_ever, limits=Limits())
    child.kill("output")
    child.kill("cancelled")
    assert child.reap().reason == "output"


def test_it_has_the_descriptors_it_was_given_and_no_others() -> None:
    reading, writing = os.pipe()
    others = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]

    def list_descriptors() -> int:
        found = []
        for number in range(256):
            try:
                os.fstat(number)
            except OSError:
                continue
            found.append(number)
        os.write(3, repr(found).encode())
        return 0

    assert watched(fork(list_descriptors, writing, limits=Limits())).code == 0
    for descriptor in (writing, *others):
        os.close(descriptor)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "[0, 1, 2, 3]"
