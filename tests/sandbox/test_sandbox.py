"""The sandbox as the app uses it: jobs in, events and outcomes out, whatever dies on the way."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import Event, Limits, Sandbox, Unavailable, launch
from sandbox.job import IssuedBug
from sandbox.limits import MIB

if TYPE_CHECKING:
    from tests.conftest import Jailed

pytestmark = [pytest.mark.jail, pytest.mark.timeout(240)]

CHECKOUT = Path(__file__).parents[2]
SHAPE = (CHECKOUT / "problems" / "gpt" / "shapes" / "gpt.py").read_text()
ENDLESS = "print('started', flush=True)\nwhile True: pass"


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes true while we are still patient: a reaped process leaves /proc a moment later."""
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


# One run


def test_a_run_streams_its_output_and_then_what_was_found(jailed: Jailed) -> None:
    ran = jailed.run("print('one')\nimport sys\nprint('two', file=sys.stderr)\n" + SHAPE, limits=Limits())
    kinds = list(dict.fromkeys(event.kind for event in ran.events))
    assert kinds == ["status", "output", "loss", "property"]
    phases = [event.data["phase"] for event in ran.events if event.kind == "status"]
    assert phases == ["starting", "running", "examining"]
    assert (ran.text().startswith("one\n"), ran.text("stderr")) == (True, "two\n")
    assert ran.verdict["outcome"] == "passed"
    assert ran.verdict["level"] == jailed.sandbox.level


def test_the_whole_files_verdict_streams_before_the_bugs_that_grafts_judge(jailed: Jailed) -> None:
    masked = '        att = att.masked_fill(self.mask[:T, :T] == 0, float("-inf"))\n'
    left = "        self.ln_2 = nn.LayerNorm(config.n_embd)\n"
    bugs = (
        IssuedBug(
            id="mask",
            component="attention",
            properties=("causal",),
            find=masked,
            replace="        att = att * self.mask[:T, :T]\n",
        ),
        IssuedBug(id="norm", component="block", properties=("runs",), find=left, replace="", crashes=True),
    )
    repaired = "        att = att + torch.where(self.mask[:T, :T] > 0, 0.0, -1e9)\n"
    source = SHAPE.replace(masked, repaired).replace(left, "")
    ran = jailed.run(source, kind="check", limits=Limits(), bugs=bugs)
    told = [event for event in ran.events if event.kind in ("verdict", "bug")]
    assert [event.kind for event in told] == ["verdict", "bug"]
    assert {bug["id"]: bug["status"] for bug in told[0].data["bugs"]} == {"mask": "blocked", "norm": "broken"}
    assert told[1].data == {"id": "mask", "status": "fixed"}


def test_a_check_runs_nothing_visibly(jailed: Jailed) -> None:
    ran = jailed.run("print('module level')\n" + SHAPE, kind="check", limits=Limits())
    assert ran.verdict["outcome"] == "passed"
    assert ran.text() == ""
    phases = [event.data["phase"] for event in ran.events if event.kind == "status"]
    assert phases == ["starting", "examining"]


def test_runs_of_one_seed_draw_the_same_numbers(jailed: Jailed) -> None:
    body = "import random, torch, numpy\nprint(random.random(), torch.rand(1).item(), numpy.random.rand())"
    first, second, other = (jailed.attack(body, seed=seed).text() for seed in (3, 3, 4))
    assert first == second != other


def test_an_examination_over_its_time_is_the_files_failure(jailed: Jailed) -> None:
    ran = jailed.run(ENDLESS, limits=Limits(wall_s=30, examine_s=1))
    assert ran.failure == "timeout"
    assert "1 seconds" in ran.verdict["failure"]["message"]


def test_an_examiner_that_an_answer_fills_with_memory_is_the_files_failure(jailed: Jailed) -> None:
    probes = "held = []\nwhile True: held.append(bytearray(16 << 20))"
    ran = jailed.run("", kind="check", probes=probes, limits=Limits(memory_bytes=256 * MIB, wall_s=20))
    assert ran.failure == "memory"


def test_probes_that_are_broken_are_our_fault_and_nobodys_failure(jailed: Jailed) -> None:
    ran = jailed.run(SHAPE, kind="check", probes="1 / 0")
    assert ran.outcome is not None
    assert (ran.outcome.verdict, ran.outcome.lost) == (None, False)
    assert "ZeroDivisionError" in (ran.outcome.fault or "")


@pytest.mark.parametrize(
    ("source", "words"),
    [("x = 1\n" * 20_000, "at most 65536"), ("x = '\ud800'", "isn't Unicode text, at 5")],
    ids=["too long", "a lone surrogate"],
)
def test_a_file_that_cannot_be_sent_is_refused_with_the_reason(
    jailed: Jailed, source: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        jailed.run(source)


def test_the_cut_off_verdict_has_the_fields_of_any_other(jailed: Jailed) -> None:
    whole = jailed.run("", kind="check").verdict
    cut = jailed.run(ENDLESS, limits=Limits(examine_s=0.5)).verdict
    assert set(cut) == set(whole)


# Many runs


def test_more_jobs_than_slots_wait_their_turn(jailed: Jailed) -> None:
    order: list[str] = []

    def note(name: str) -> Callable[[Event], None]:
        return lambda event: order.append(name)

    jobs = [
        jailed.start(ENDLESS if name != "late" else "", on_event=note(name)) for name in ("a", "b", "late")
    ]
    for future, _ in jobs:
        future.result(timeout=120)
    ends = [max(index for index, name in enumerate(order) if name == early) for early in "ab"]
    assert order.index("late") > min(ends)


def test_runs_leave_no_process_and_no_descriptor_behind(jailed: Jailed) -> None:
    jailed.run("")
    assert eventually(lambda: len(jailed.processes) == 2)
    before = [_descriptors(pid) for pid in (os.getpid(), *jailed.processes)]
    for number in range(20):
        jailed.run(f"print({number})")
    assert eventually(lambda: len(jailed.processes) == 2)
    assert [_descriptors(pid) for pid in (os.getpid(), *jailed.processes)] == before


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


# Ends


def test_a_cancelled_run_is_dead_when_the_cancellation_is_done(jailed: Jailed) -> None:
    from tests.conftest import a_job

    async def cancel_in_the_middle() -> None:
        started = asyncio.Event()

        async def emit(event: Event) -> None:
            if event.kind == "output":
                started.set()

        task = asyncio.create_task(jailed.sandbox.examine(a_job(ENDLESS, limits=Limits()), emit=emit))
        await started.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    jailed.wait(cancel_in_the_middle())
    assert eventually(lambda: len(jailed.processes) == 2)


def test_a_listener_that_raises_ends_the_run(jailed: Jailed) -> None:
    def fail(event: Event) -> None:
        raise RuntimeError("the database is gone")

    future, _ = jailed.start(ENDLESS, on_event=fail, limits=Limits())
    with pytest.raises(RuntimeError, match="database"):
        future.result(timeout=60)
    assert eventually(lambda: len(jailed.processes) == 2)


def test_a_dead_supervisor_is_a_lost_run(jailed: Jailed) -> None:
    outcome = _kill_under_a_run(jailed, lambda: _child(_zygote(jailed)))
    assert outcome.lost
    assert outcome.fault
    assert eventually(lambda: len(jailed.processes) == 2)


def test_a_dead_zygote_is_a_lost_run_and_a_new_zygote(jailed: Jailed) -> None:
    old = jailed.processes
    outcome = _kill_under_a_run(jailed, lambda: _zygote(jailed))
    assert outcome.lost
    assert jailed.run("print('again')").text() == "again\n"
    assert not old & jailed.processes
    assert not any(Path(f"/proc/{pid}").exists() for pid in old)


def _kill_under_a_run(jailed: Jailed, whom: Callable[[], int]) -> Any:
    def kill(event: Event) -> None:
        if event.kind == "output":
            os.kill(whom(), signal.SIGKILL)

    future, _ = jailed.start(ENDLESS, on_event=kill, limits=Limits())
    return future.result(timeout=60)


def _zygote(jailed: Jailed) -> int:
    keeper = jailed.sandbox._keeper
    assert keeper is not None
    return _child(keeper.process.pid)


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


# Starting


@pytest.mark.parametrize(
    ("python", "words"),
    [(Path("/nonexistent/python"), "can't be run"), (Path(sys._base_executable), "torch")],  # type: ignore[attr-defined]
    ids=["no python", "no torch"],
)
def test_a_python_that_cannot_serve_is_named(python: Path, words: str) -> None:
    async def start() -> None:
        await Sandbox(python=python).start()

    with pytest.raises(Unavailable, match=words):
        asyncio.run(start())


def test_a_zygote_that_keeps_dying_is_given_up_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_BOOT", "import sys; sys.exit('no {module} today')")

    async def start() -> str:
        sandbox = Sandbox()
        with pytest.raises(Unavailable, match="no launch today"):
            await sandbox.start()
        await sandbox.close()
        return sandbox.failure

    assert asyncio.run(start()) == "no launch today"


def test_where_there_can_be_no_sandbox_it_says_where_to_run_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    async def start() -> None:
        await Sandbox().start()

    with pytest.raises(Unavailable, match="Docker"):
        asyncio.run(start())


def test_a_level_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="namespaces, landlock, rlimits"):
        Sandbox(start_level="fort")


def test_importing_the_sandbox_imports_no_torch() -> None:
    code = "import sys, sandbox; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
