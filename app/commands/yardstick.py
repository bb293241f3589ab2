"""The warm process without a jail that `overfit bench` measures by, as the bench sees it."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.commands import bare
from sandbox.launch import ENVIRONMENT


class Bare:
    """A warm process without a jail."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, command: str) -> float:
        """The milliseconds that `run` or `fork` took there."""
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")
        await self._process.stdin.drain()
        answer = await self.read()
        return float(answer)

    async def read(self) -> float | str:
        assert self._process.stdout is not None
        answer: float | str = json.loads(await self._process.stdout.readline())
        return answer


@asynccontextmanager
async def warm_bare(source: str) -> AsyncIterator[Bare]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, bare.__file__, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=ENVIRONMENT
    )
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(source).encode() + b"\n")
        started = Bare(process)
        await started.read()
        yield started
        process.stdin.close()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
