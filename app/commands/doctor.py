"""`overfit doctor`: what this machine gives the judge, layer by layer, and what to do about a gap."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec

from app.engine.judge import INSTALL, NO_TORCH, slots
from app.settings import Settings
from sandbox import Event, Job, Sandbox, Unavailable
from sandbox.host import Host

FINE, WEAK, NONE = 0, 1, 3
_SHOWN = ("overfit", "torch", "numpy", "fastapi", "uvicorn", "sqlalchemy")
_PROMISES = {
    "namespaces": "everything is served, to everybody; each run in a world of its own",
    "landlock": "everything is served, to everybody; runs share a world but can't touch it",
    "rlimits": "served on this machine alone, behind a banner: runs can read your files",
}


async def doctor(settings: Settings, *, say: Callable[[str], None]) -> int:
    """Says everything line by line: 0 when runs are well confined, 1 at level rlimits, 3 without a judge."""
    for line in _versions():
        say(line)
    if find_spec("torch") is None:
        say(_row("judge", f"{NO_TORCH} {INSTALL}"))
        return NONE
    sandbox = Sandbox(slots=slots(settings))
    try:
        await sandbox.start()
        for line in host_lines(sandbox.host):
            say(line)
        say(await _try_it(sandbox))
    except Unavailable as error:
        say(_row("judge", f"there is none: {error}"))
        return NONE
    finally:
        await sandbox.close()
    return WEAK if sandbox.level == "rlimits" else FINE


def host_lines(host: Host) -> Iterator[str]:
    """The level, each layer with its remedy, and each attack that got through."""
    yield _row("level", f"{host.level}: {_PROMISES[host.level]}")
    for layer in host.layers:
        yield _row(layer.name, layer.detail if layer.stands else f"MISSING: {layer.detail}")
        if layer.remedy:
            yield _row("", f"do this: {layer.remedy}")
    held = len(host.attacks) - len(host.failed())
    yield _row("self-test", f"{held} of {len(host.attacks)} attacks from inside a jail were held")
    for attack in host.failed():
        yield _row("", f"got through: {attack.name}")


async def _try_it(sandbox: Sandbox) -> str:
    """How long a warm start takes and a program of one line, from the hand-over to its output and its end."""
    started = time.monotonic()
    await sandbox.warm()
    warm = time.monotonic()
    shown: list[float] = []

    async def note(event: Event) -> None:
        if event.kind == "output":
            shown.append(time.monotonic())

    job = Job(kind="run", source="print('hello')", text="hello", problem="", probes="", shape="")
    outcome = await sandbox.examine(job, emit=note)
    if outcome.fault or not shown:
        return _row("trial run", f"FAILED: {outcome.fault or 'it printed nothing'}")
    first, whole = 1000 * (shown[0] - warm), 1000 * (time.monotonic() - warm)
    return _row(
        "trial run",
        f"first line after {first:.0f} ms, over after {whole:.0f}; warm in {warm - started:.1f} s",
    )


def _versions() -> Iterator[str]:
    yield _row("python", f"{platform.python_version()} on {platform.system()} {platform.release()}")
    found = {name: _version(name) for name in _SHOWN}
    yield _row("packages", ", ".join(f"{name} {version}" for name, version in found.items()))
    yield _row("processors", f"{os.cpu_count()}; each run computes with one thread")


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _row(name: str, text: str) -> str:
    return f"{name:<14} {text}"
