"""The profile of limits: each with its reason, each documented, and those that only a whole run can break."""

from __future__ import annotations

import dataclasses
import os
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.engine.judge import limits as limits_of
from app.settings import Settings
from sandbox import limits
from sandbox.child import Nursery
from sandbox.grip import threads_in
from sandbox.job import Ending
from sandbox.limits import MIB, Limits
from sandbox.session import ending_failure

if TYPE_CHECKING:
    from tests.conftest import Jailed

CHECKOUT = Path(__file__).parents[2]
FIELDS = [field.name for field in dataclasses.fields(Limits)]


@pytest.mark.parametrize("name", FIELDS)
def test_a_limit_has_a_sentence_and_a_row_in_the_docs(name: str) -> None:
    source = Path(limits.__file__).read_text()
    assert re.search(rf"^    {name}: \w+ = .+  # \w.{{20,}}$", source, re.MULTILINE)
    assert f"| `{name}` |" in (CHECKOUT / "docs" / "sandbox.md").read_text()


def test_the_settings_tune_the_profile(tmp_path: Path) -> None:
    tuned = limits_of(
        Settings(
            data=tmp_path,
            run_seconds=5,
            run_memory_mb=512,
            run_threads=8,
            run_scratch_mb=4,
            run_output_kb=32,
            source_kb=16,
        )
    )
    assert (tuned.wall_s, tuned.examine_s) == (5, 15)
    assert (tuned.memory_bytes, tuned.run_bytes, tuned.address_bytes) == (512 * MIB, 768 * MIB, 1024 * MIB)
    assert (tuned.threads, tuned.file_bytes) == (8, 4 * MIB)
    assert (tuned.output_bytes, tuned.source_bytes) == (32 << 10, 16 << 10)


def test_the_settings_as_they_come_are_the_profile_as_it_stands(tmp_path: Path) -> None:
    assert limits_of(Settings(data=tmp_path)) == Limits()


def test_too_many_threads_are_stopped_where_the_kernel_does_not_count_them() -> None:
    def start_threads() -> int:
        for _ in range(10):
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        time.sleep(60)
        return 0

    nothing = os.open(os.devnull, os.O_RDWR)
    child = Nursery(memory_above=0).fork(
        start_threads, files=(nothing, nothing, nothing), limits=Limits(threads=4)
    )
    os.close(nothing)
    while child.reason is None:
        child.check_limits(time.monotonic())
        time.sleep(0.01)
    ending = child.reap()
    assert ending.reason == "threads"
    failure = ending_failure(ending, limits=Limits(threads=4))
    assert failure is not None
    assert failure["message"] == "Stopped with more than 4 threads."


def test_threads_are_counted_as_the_kernel_tells_them() -> None:
    assert threads_in(b"Name:\tx\nThreads:\t17\nSigQ:\t0/1\n") == 17
    assert threads_in(b"") == 0  # the process is dead


@pytest.mark.jail
@pytest.mark.timeout(240)
def test_the_memory_of_all_processes_of_a_run_is_counted_together(jailed: Jailed) -> None:
    hold = f"import time\nheld = bytearray(b'x') * {150 * MIB}\ntime.sleep(1)\n"
    roomy = Limits(wall_s=20, memory_bytes=400 * MIB)
    assert jailed.run(hold, kind="check", probes=hold, limits=roomy).failure != "memory"
    tight = dataclasses.replace(roomy, run_bytes=250 * MIB)
    ran = jailed.run(hold, kind="check", probes=hold, limits=tight)
    assert ran.failure == "memory"
    assert "250 MiB" in ran.verdict["failure"]["message"]


def test_a_process_that_was_stopped_for_all_of_them_is_told_so() -> None:
    bounds = Limits(memory_bytes=100 * MIB, run_bytes=150 * MIB)
    alone = ending_failure(Ending(reason="memory", peak_bytes=101 * MIB), limits=bounds)
    together = ending_failure(Ending(reason="memory", peak_bytes=90 * MIB), limits=bounds)
    assert alone is not None
    assert together is not None
    assert alone["message"] == "Stopped at 100 MiB of memory."
    assert together["message"] == "Stopped at 150 MiB of memory in all processes of the run."
