"""One job's way to its supervisor and back: four descriptors go, events and an outcome come."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from sandbox.compiled import compiled
from sandbox.cutoff import cut_off_verdict
from sandbox.job import Event, Job, Outcome
from sandbox.keeper import Keeper
from sandbox.lines import encode
from sandbox.spawn import ending_from

_LOG = logging.getLogger("sandbox")
_GONE_S = 5.0  # how long a cancelled run may take to die before its slot is given away all the same

Emit = Callable[[Event], Awaitable[None]]
_LOST = "The process that ran this file was lost. Nothing is wrong with the file; run it again."


class ZygoteGone(Exception):
    """The zygote had died before it could take the job."""


class Exchange:
    """Sends one job off and listens to its end. Raises ValueError for a job that can't be sent."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._source = _check_source(job)
        self._examining = asyncio.Event()
        self._turn = asyncio.Lock()  # two channels, one listener
        self._end: dict[str, Any] | None = None
        self._verdict: dict[str, Any] | None = None
        self._properties: list[dict[str, Any]] = []
        self._error = ""

    async def run(self, keeper: Keeper, *, level: str, emit: Emit, in_turn: bool = False) -> Outcome:
        """Until nothing of the run lives. Cancelled, it has the supervisor kill everything first.

        `in_turn` has no two of its processes work at once.

        Raises ZygoteGone when the job couldn't even be handed over; it may be tried with the next zygote.
        """
        longest = self._job.limits.finding_bytes
        line, findings = self._send(keeper, in_turn=in_turn)
        reader, writer = await asyncio.open_unix_connection(sock=line, limit=longest)
        found, found_writer = await asyncio.open_unix_connection(sock=findings, limit=longest)
        listeners = [
            asyncio.create_task(self._hear_supervisor(reader, emit)),
            asyncio.create_task(self._hear_examiner(found, emit)),
        ]
        try:
            await asyncio.gather(*listeners)
        except BaseException:
            for listener in listeners:
                listener.cancel()
            await asyncio.gather(*listeners, return_exceptions=True)
            await _see_dead(reader, writer)
            raise
        finally:
            writer.close()
            found_writer.close()
        return self._outcome(level, torch=keeper.torch.result())

    def _send(self, keeper: Keeper, *, in_turn: bool) -> tuple[socket.socket, socket.socket]:
        """Our ends of the two channels; the header is small enough not to block."""
        line, line_end = socket.socketpair()
        findings, findings_end = socket.socketpair()
        job = self._job
        sent = replace(job, in_turn=in_turn, compiled=compiled(job.probes))
        text = json.dumps(sent.to_json()).encode()
        files = [_sealed("source", self._source), _sealed("job", text)]
        header = {"kind": job.kind, "filename": job.filename, "seed": job.seed, "limits": asdict(job.limits)}
        try:
            line.sendall(encode(header))
            keeper.send([line_end.fileno(), findings_end.fileno(), *files])
        except OSError as error:
            line.close()
            findings.close()
            raise ZygoteGone from error
        finally:
            line_end.close()
            findings_end.close()
            for descriptor in files:
                os.close(descriptor)
        return line, findings

    async def _hear_supervisor(self, reader: asyncio.StreamReader, emit: Emit) -> None:
        with suppress(ConnectionError):  # it died with words of ours unread: lost, like any other death
            async for line in reader:
                message = json.loads(line)
                if "end" in message:
                    self._end = message
                    continue
                if message["data"] == {"phase": "examining"}:
                    self._examining.set()
                async with self._turn:
                    await emit(Event(message["event"], message["data"]))
        self._examining.set()

    async def _hear_examiner(self, reader: asyncio.StreamReader, emit: Emit) -> None:
        """Heard once the submission's own output is out, so that events come in the order they happened."""
        await self._examining.wait()
        with suppress(ConnectionError):
            async for line in reader:
                await self._take_finding(json.loads(line), emit)

    async def _take_finding(self, message: dict[str, Any], emit: Emit) -> None:
        match message:
            case {"event": "property" | "loss" | "verdict" | "bug" as kind, "data": dict() as data}:
                if kind == "property":
                    self._properties.append(data)
                async with self._turn:
                    await emit(Event(kind, data))
            case {"verdict": dict() as verdict}:
                self._verdict = verdict
            case {"error": str() as error}:
                self._error = error

    def _outcome(self, level: str, *, torch: str) -> Outcome:
        if self._end is None:
            return Outcome(verdict=None, level=level, fault=_LOST, lost=True)
        ending, fault = ending_from(self._end["end"]), self._end["fault"]
        if self._error:
            _LOG.error("the examiner failed:\n%s", self._error)
            fault = fault or f"The examiner failed: {self._error.strip().splitlines()[-1]}"
        verdict = self._verdict or cut_off_verdict(
            self._job, ending, properties=self._properties, level=level, torch=torch
        )
        if verdict is None:
            fault = fault or f"The examiner ended without a verdict: {ending.reason} {ending.code}."
        return Outcome(verdict=None if fault else verdict, level=level, fault=fault or None)


async def _see_dead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hangs up, then waits for the supervisor to: it does when the last process of the run is reaped."""
    with suppress(OSError, RuntimeError):
        writer.write_eof()
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(_GONE_S):
            while await reader.read(1 << 16):
                pass


def _check_source(job: Job) -> bytes:
    try:
        source = job.source.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the file holds a character that isn't Unicode text, at {error.start}") from None
    if len(source) > job.limits.source_bytes:
        raise ValueError(f"the file has {len(source)} bytes; at most {job.limits.source_bytes} are taken")
    return source


def _sealed(name: str, data: bytes) -> int:
    """A memory file with `data`, which nobody can change any more: one copy, no pump, no half-read pipe."""
    if not hasattr(os, "memfd_create"):  # not Linux: a file without a name
        with tempfile.TemporaryFile() as unnamed:
            unnamed.write(data)
            unnamed.flush()
            return os.dup(unnamed.fileno())
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(data)
    fcntl.fcntl(
        descriptor,
        fcntl.F_ADD_SEALS,
        fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE,
    )
    return descriptor
