"""One zygote as the app sees it: started through the launcher, told of runs, gone when its pipe closes."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import launch, runtime
from sandbox.host import Host

_LOG = logging.getLogger("sandbox")
_LINE_BYTES = 256 << 10
_LAST_WORDS_S = 5.0


class Unavailable(Exception):
    """There is no sandbox to run in; the message says why, and what to do."""


async def find_runtime(python: Path | None) -> runtime.Runtime:
    """The runtime of `python`, asked of that interpreter itself. Raises Unavailable."""
    command = [str(python or sys.executable), "-I", runtime.__file__]
    try:
        asked = await asyncio.create_subprocess_exec(
            *command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,  # Ctrl+C in the server's terminal is for the server to answer
        )
    except OSError as error:
        raise Unavailable(f"{command[0]} can't be run: {error}") from error
    answer, complaint = await asked.communicate()
    if asked.returncode:
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        raise Unavailable(f"{command[0]} can't be used: {last}")
    return runtime.Runtime.from_json(answer.decode())


async def started(
    order: launch.Start, *, control: int, by: tuple[str, ...] = ()
) -> asyncio.subprocess.Process:
    """A launcher with `control` as its standard input; `by` is a command that starts it as somebody else."""
    return await asyncio.create_subprocess_exec(
        *by,
        *launch.command(order),
        stdin=control,
        stdout=PIPE,
        stderr=PIPE,
        env=launch.ENVIRONMENT | _loader_environment(),
        cwd="/",
        limit=_LINE_BYTES,
        start_new_session=True,
    )


async def stop_times(python: Path | None = None) -> list[dict[str, dict[str, float]]]:
    """The rounds of sandbox/stopwatch.py, for `overfit bench`. Raises Unavailable."""
    found = await find_runtime(python)
    with tempfile.NamedTemporaryFile(prefix="overfit-") as secret:
        os.fchmod(secret.fileno(), 0o644)
        order = launch.Start(runtime=found, secret=secret.name, then="stopwatch")
        process = await started(order, control=DEVNULL)
        answer, complaint = await process.communicate()
    if process.returncode:
        raise Unavailable(complaint.decode(errors="replace").strip().rpartition("\n")[2])
    rounds: list[dict[str, dict[str, float]]] = json.loads(answer)
    return rounds


@dataclass(slots=True, eq=False)
class Keeper:
    """Owns the launcher's process and the two channels to the zygote behind it."""

    process: asyncio.subprocess.Process
    control: socket.socket
    host: asyncio.Future[Host]
    torch: asyncio.Future[str]  # its version, once everything is warm
    _listener: asyncio.Task[None] = field(init=False)

    def __post_init__(self) -> None:
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(
        cls,
        found: runtime.Runtime,
        *,
        ceiling: str,
        then: str = "zygote",
        without: tuple[str, ...] = (),
        started_by: tuple[str, ...] = (),
    ) -> Keeper:
        """Starts a launcher, which becomes what `then` names. Raises OSError when no process can be had."""
        ours, theirs = socket.socketpair()  # a byte for each run
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        with theirs, tempfile.NamedTemporaryFile(prefix="overfit-", delete=False) as secret:
            os.fchmod(secret.fileno(), 0o644)
            order = launch.Start(
                runtime=found, secret=secret.name, ceiling=ceiling, then=then, without=without
            )
            process = await started(order, control=theirs.fileno(), by=started_by)
        keeper = cls(process=process, control=ours, host=loop.create_future(), torch=loop.create_future())
        keeper.host.add_done_callback(lambda _: Path(secret.name).unlink(missing_ok=True))
        return keeper

    @property
    def warm(self) -> bool:
        return self.torch.done() and not self._listener.done()

    def send(self, descriptors: list[int]) -> None:
        """Hands the zygote one run's descriptors. Raises OSError when it is gone."""
        socket.send_fds(self.control, [b"."], descriptors)

    async def wait(self) -> None:
        """Until the zygote has died."""
        await asyncio.shield(self._listener)

    async def close(self) -> None:
        """Lets go of the zygote, which then ends with all its processes; makes sure of it."""
        self.control.close()
        if not self.torch.done():  # it would not hear of it before it is warm, and nobody's run is in it
            with suppress(ProcessLookupError):
                self.process.kill()
        try:
            await asyncio.wait_for(self.wait(), _LAST_WORDS_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.wait()

    async def _listen(self) -> None:
        complaints = asyncio.create_task(self._log_complaints())
        assert self.process.stdout is not None
        try:
            async for line in self.process.stdout:
                self._hear(json.loads(line))
        finally:
            last = await complaints
            await self.process.wait()
            for waited in (self.host, self.torch):
                if not waited.done():
                    waited.set_exception(Unavailable(last or "the sandbox ended before it was ready"))
                    waited.exception()  # marks it as looked at: not everybody waits for both

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"host": dict() as host}:
                self.host.set_result(Host.from_json(host))
            case {"ready": {"torch": str() as version}}:
                self.torch.set_result(version)
            case {"failed": str() as reason}:
                self.torch.set_exception(Unavailable(reason))

    async def _log_complaints(self) -> str:
        """Logs what our own processes say on standard error; the last line, for whoever asks why it died."""
        last = ""
        assert self.process.stderr is not None
        while chunk := await self.process.stderr.read(4096):
            for line in chunk.decode(errors="replace").splitlines():
                _LOG.warning("%s", line)
                last = line or last
        return last


def _loader_environment() -> dict[str, str]:
    """Where some distributions keep what python is linked against."""
    return {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
