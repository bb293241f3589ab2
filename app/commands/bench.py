"""`overfit bench`: what the sandbox costs, each number beside the one it is measured against, in one run.

The machine's speed cancels out: every row is a ratio of medians whose rounds alternate. One row alone, from a
POST to the first line, is in milliseconds: what a person waits for.
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace

from app.commands.first_line import post_to_first_line
from app.commands.yardstick import Bare, warm_bare
from app.engine.judge import limits
from app.errors import Unavailable
from app.settings import Settings
from sandbox import Event, Job, Sandbox
from sandbox import Unavailable as NoSandbox
from sandbox.keeper import stop_times
from sandbox.stopwatch import STEPS

SENTENCE = "attention is a soft lookup over the past"
_STEPS = 60  # so that figures of one year can be held against those of another
_ROUNDS = 9
_CROWD = 50
_PROCESSES = 3  # of a visible run: its supervisor, its examiner, its own
_LOOP = "print('looping', flush=True)\nwhile True: pass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement: `ratio` must stay on the right side of `bar`, and is meant to reach `aim`."""

    name: str
    ratio: float
    bar: float
    aim: float
    more_is_better: bool = False
    detail: str = ""

    @property
    def met(self) -> bool:
        return self.ratio >= self.bar if self.more_is_better else self.ratio <= self.bar

    def __str__(self) -> str:
        sign = ">=" if self.more_is_better else "<="
        verdict = "met" if self.met else "MISSED"
        wanted = f"({sign} {self.bar:g}, aim {self.aim:g}: {verdict})"
        return f"{self.name:<30} {self.ratio:6.2f}  {wanted:<24} {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is measured: a sandbox, two bare processes, and the program that all of them run."""

    sandbox: Sandbox
    bare: Bare
    other: Bare
    job: Job

    async def isolation(self) -> Row:
        """A visible run against the same program in a warm process, in forks for each process of the run."""
        job = replace(self.job, probes="")
        jailed, plain, forks = [], [], []
        for _ in range(_ROUNDS):
            plain.append(await self.bare.do("run"))
            jailed.append(await _until(self.sandbox, job, _is_over))
            forks.append(await self.bare.do("fork"))
        extra, fork = _median(jailed) - _median(plain), _median(forks)
        detail = f"run {_median(jailed):.0f} ms, bare {_median(plain):.0f}, fork {fork:.1f}, x{_PROCESSES}"
        return Row(name="cost of isolation", ratio=extra / (_PROCESSES * fork), bar=4, aim=2, detail=detail)

    async def split(self) -> Row:
        """A jailed child that prints a line against one without a wall, and where its time goes."""
        rounds = await stop_times()
        steps = {
            step: _median([one["jailed"][step] for one in rounds if step in one["jailed"]] or [0.0])
            for step in STEPS
        }
        jailed, plain = (_median([sum(one[kind].values()) for one in rounds]) for kind in ("jailed", "plain"))
        detail = ", ".join(f"{step} {spent:.1f}" for step, spent in steps.items()) + f" ms; plain {plain:.1f}"
        return Row(name="a jailed child, in forks", ratio=jailed / plain, bar=4, aim=2, detail=detail)

    async def verdict(self) -> Row:
        """A whole verdict against python from cold on the same file, as one waits for them."""
        cold, judged = [], []
        for _ in range(3):
            cold.append(await _cold(self.job.source))
            judged.append(await _until(self.sandbox, replace(self.job, kind="check"), _never))
        detail = f"python {_median(cold):.0f} ms, verdict {_median(judged):.0f}"
        ratio = _median(cold) / _median(judged)
        return Row(
            name="verdict against cold python", ratio=ratio, bar=5, aim=8, more_is_better=True, detail=detail
        )

    async def verdict_cpu(self) -> Row:
        """The processors' time that a verdict takes, all its processes counted, against a run of the file."""
        plain = [await self.bare.do("run") for _ in range(_ROUNDS)]
        check = replace(self.job, kind="check")
        one, more = [await _cpu_of(check, times) for times in (1, 1 + _ROUNDS)]
        spent = (more - one) / _ROUNDS  # warming up is in both
        # the bar: 0.7 s where a run of the file takes 0.2
        detail = f"run {_median(plain):.0f} ms, verdict {spent:.0f} ms of cpu"
        return Row(
            name="cpu of a verdict, in runs", ratio=spent / _median(plain), bar=3.5, aim=2.5, detail=detail
        )

    async def first_line(self) -> Row:
        """From the hand-over to the first line of a program that prints one."""
        job = replace(self.job, source="print('line')", probes="")
        times = [await _until(self.sandbox, job, _is_output) for _ in range(_ROUNDS)]
        forks = [await self.bare.do("fork") for _ in range(_ROUNDS)]
        detail = f"p50 {_median(times):.0f} ms; a fork takes {_median(forks):.1f}"
        return Row(
            name="first line, in forks", ratio=_median(times) / _median(forks), bar=8, aim=4, detail=detail
        )

    async def posted(self) -> Row:
        """From a POST to a real server to the first line in the stream of its run, in milliseconds."""
        times = await asyncio.to_thread(post_to_first_line, _ROUNDS)
        detail = f"from {min(times):.0f} to {max(times):.0f} ms"
        return Row(name="POST to first line, ms", ratio=_median(times), bar=60, aim=30, detail=detail)

    async def crowd(self) -> Row:
        """Fifty runs at once against two bare processes that share the same trainings."""
        started = time.perf_counter()
        await asyncio.gather(*(self._bare_share(process) for process in (self.bare, self.other)))
        plain = time.perf_counter() - started
        job = replace(self.job, probes="")  # probes are the judge's price, not the jail's
        jailed = await _timed(asyncio.gather(*(_until(self.sandbox, job, _never) for _ in range(_CROWD))))
        detail = f"{_CROWD} runs: bare {plain:.1f} s, jailed {jailed:.1f} s"
        return Row(
            name="50 users at once",
            ratio=plain / jailed,
            bar=0.8,
            aim=0.95,
            more_is_better=True,
            detail=detail,
        )

    async def _bare_share(self, process: Bare) -> None:
        for _ in range(_CROWD):  # half the runs, two trainings each: the visible one and the examined one
            await process.do("run")

    async def fairness(self) -> Row:
        """A check while another user's program loops for ever, against a check on an idle machine."""
        check = replace(self.job, kind="check")
        idle = [await _until(self.sandbox, check, _never) for _ in range(3)]
        looping = asyncio.Event()
        loop = asyncio.create_task(_until(self.sandbox, replace(self.job, source=_LOOP), _never, looping))
        await looping.wait()
        busy = [await _until(self.sandbox, check, _never) for _ in range(3)]
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        detail = f"alone {_median(idle):.0f} ms, beside it {_median(busy):.0f}"
        return Row(
            name="check beside an endless loop",
            ratio=_median(busy) / _median(idle),
            bar=2.5,
            aim=1.5,
            detail=detail,
        )


async def bench(settings: Settings, *, as_json: bool, say: Callable[[str], None]) -> int:
    """Says every row; 0 when each bar was met, 1 when one was missed. Raises Unavailable."""
    job = fixed_work(settings)
    sandbox = Sandbox(slots=2)
    met = True
    async with warm_bare(job.source) as first, warm_bare(job.source) as second:
        try:
            await sandbox.warm()
            bench = Bench(sandbox=sandbox, bare=first, other=second, job=job)
            await bench.isolation()  # once for nothing: the first of everything is slower
            for measure in (
                bench.isolation,
                bench.split,
                bench.first_line,
                bench.posted,
                bench.verdict,
                bench.verdict_cpu,
                bench.crowd,
                bench.fairness,
            ):
                row = await measure()
                met = met and row.met
                say(json.dumps(asdict(row) | {"met": row.met}) if as_json else str(row))
        except NoSandbox as error:
            raise Unavailable(f"There is no sandbox: {error}.", hint="Type: overfit doctor.") from error
        finally:
            await sandbox.close()
    return 0 if met else 1


def fixed_work(settings: Settings) -> Job:
    """The first shape of `gpt`, `_STEPS` steps on its sentence, then the sentence generated."""
    folder = settings.problems / "gpt"
    shape = (folder / "shapes" / "gpt.py").read_text()
    source = re.sub(r"(def train\(.*\bsteps=)\d+", rf"\g<1>{_STEPS}", shape)
    return Job(
        kind="run",
        source=source,
        text=SENTENCE,
        problem="gpt",
        probes=(folder / "probes.py").read_text(),
        shape=source,
        limits=replace(limits(settings), wall_s=60.0, examine_s=300.0),
    )


async def _cpu_of(job: Job, times: int) -> float:
    """Milliseconds that a sandbox of its own uses from its start to its end, doing the job so many times."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    sandbox = Sandbox(slots=1)
    try:
        for _ in range(times):
            await _until(sandbox, job, _never)
    finally:
        await sandbox.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


async def _until(
    sandbox: Sandbox, job: Job, is_it: Callable[[Event], bool], first: asyncio.Event | None = None
) -> float:
    """Milliseconds from the hand-over to the first event that `is_it`, else to the end of the job."""
    started = time.perf_counter()
    at: list[float] = []

    async def emit(event: Event) -> None:
        if first is not None and event.kind == "output":
            first.set()
        if is_it(event):
            at.append(time.perf_counter())

    outcome = await sandbox.examine(job, emit=emit)
    if outcome.fault:
        raise Unavailable(f"A run could not be measured: {outcome.fault}")
    return 1000 * ((at[0] if at else time.perf_counter()) - started)


def _is_over(event: Event) -> bool:
    return event.data == {"phase": "examining"}


def _is_output(event: Event) -> bool:
    return event.kind == "output"


def _never(event: Event) -> bool:
    return False


async def _cold(source: str) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(source)
        file.flush()
        started = time.perf_counter()
        process = await asyncio.create_subprocess_exec(sys.executable, file.name, stdout=DEVNULL)
        await process.wait()
        return 1000 * (time.perf_counter() - started)


async def _timed(doing: Awaitable[object]) -> float:
    started = time.perf_counter()
    await doing
    return time.perf_counter() - started


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)
