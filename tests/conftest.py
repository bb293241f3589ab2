"""One warm sandbox for the whole session, driven from plain tests: its event loop has a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import textwrap
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest

from sandbox import Event, Job, Limits, Outcome, Sandbox

T = TypeVar("T")

# no test is failed for the time it took: two cores may be shared with anything
hypothesis.settings.register_profile("unhurried", deadline=None, max_examples=50)
hypothesis.settings.load_profile("unhurried")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow files first, then those of the jail: begun last, one would keep the other workers waiting."""
    marks: dict[Path, set[str]] = defaultdict(set)
    for item in items:
        marks[item.path] |= {mark.name for mark in item.iter_markers()}
    items.sort(key=lambda item: ("slow" not in marks[item.path], "jail" not in marks[item.path]))


PROBLEM = Path(__file__).parents[1] / "problems" / "gpt"
SENTENCE = "attention is a soft lookup over the past"
SHORT = Limits(wall_s=1.0)

# The least that answers every call of the file contract: examined at once, and no failure found.
HARMLESS = """
import torch

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, idx):
        return self.scale * torch.zeros(*idx.shape, 4)

class Tokenizer:
    def encode(self, text):
        return [0 for _ in text]

    def decode(self, ids):
        return "a" * len(ids)

def train(text, steps=1, lr=0.1, seed=0):
    return Model(), Tokenizer(), [1.0, 0.1]

def generate(model, tokenizer, prompt, max_new_tokens):
    return prompt

if __name__ == "__main__":
"""


@dataclass(slots=True)
class Ran:
    """One job: its events so far, and how it came out."""

    outcome: Outcome | None = None
    events: list[Event] = field(default_factory=list)

    def text(self, stream: str = "stdout") -> str:
        outputs = [event.data for event in self.events if event.kind == "output"]
        return "".join(output["text"] for output in outputs if output["stream"] == stream)

    @property
    def verdict(self) -> dict[str, Any]:
        assert self.outcome is not None
        assert self.outcome.verdict is not None, self.outcome.fault
        return self.outcome.verdict

    @property
    def failure(self) -> str:
        """The kind of the verdict's failure, '' without one."""
        return str((self.verdict["failure"] or {}).get("kind", ""))


class Jailed:
    """A sandbox whose jobs a plain test can run, one after the other or side by side."""

    def __init__(self, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.sandbox = Sandbox(**options)

    def wait(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(timeout=300)

    def start(
        self, source: str, *, on_event: Callable[[Event], None] = lambda event: None, **options: Any
    ) -> tuple[concurrent.futures.Future[Outcome], Ran]:
        """Starts a job; its future can be cancelled, its events can be looked at meanwhile."""
        ran = Ran()

        async def emit(event: Event) -> None:
            ran.events.append(event)
            on_event(event)

        job = a_job(source, **options)
        return asyncio.run_coroutine_threadsafe(self.sandbox.examine(job, emit=emit), self._loop), ran

    def run(self, source: str, **options: Any) -> Ran:
        """Runs a whole job to its end."""
        future, ran = self.start(source, **options)
        ran.outcome = future.result(timeout=300)
        return ran

    def attack(self, body: str, **options: Any) -> Ran:
        """Runs `body` as the main program of a file that nothing else is wrong with."""
        return self.run(HARMLESS + textwrap.indent(textwrap.dedent(body), "    "), probes="", **options)

    @property
    def processes(self) -> set[int]:
        """Every process of the sandbox: the launcher, the zygote, and what runs at the moment."""
        keeper = self.sandbox._keeper
        return set() if keeper is None else _descendants(keeper.process.pid)

    def close(self) -> None:
        self.wait(self.sandbox.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def a_job(source: str, *, limits: Limits = SHORT, **options: Any) -> Job:
    """A job with the real probes and the real shape, its bugs left out."""
    settings: dict[str, Any] = {
        "kind": "run",
        "text": SENTENCE,
        "problem": "gpt",
        "probes": (PROBLEM / "probes.py").read_text(),
        "shape": (PROBLEM / "shapes" / "gpt.py").read_text(),
    }
    return Job(source=source, limits=limits, **settings | options)


def _descendants(pid: int) -> set[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return set()
    return {pid}.union(*(_descendants(int(child)) for child in children))


@pytest.fixture(scope="session")
def jailed() -> Iterator[Jailed]:
    """The sandbox at the best level that this host gives."""
    jailed = Jailed(slots=2)
    jailed.wait(jailed.sandbox.warm())
    yield jailed
    jailed.close()
