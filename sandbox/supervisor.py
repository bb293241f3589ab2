"""Runs one job: forks its examiner and its candidates, holds them to their limits, kills and reaps them all.

One process, one thread, one loop. It reads a job's limits, never its texts: those lie in sealed memory files
that only the process that needs them opens. What the examiner finds goes to the app past this process, since
every candidate forked from here could search this heap.
"""

from __future__ import annotations

import functools
import json
import os
import selectors
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.bodies import Bodies
from sandbox.confined import Confined
from sandbox.family import Cradle, Family
from sandbox.jail import Walls
from sandbox.job import Ending
from sandbox.limits import Limits
from sandbox.lines import LineSplitter, encode

_WATCH_S = 0.025  # how often memory is measured: at 1.5 GB/s an overshoot of some 40 MiB
_SOON_S = 0.005  # when output waits for its window to end
_LINE_BYTES = 64 << 10
_FAREWELL_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the supervisor knows of a job, and the descriptors that came with it."""

    kind: str
    filename: str
    seed: int
    limits: Limits
    line: socket.socket  # to and from the app; it closing its end means: cancelled
    findings: int  # from the examiner to the app
    source: int  # sealed memory file: the submission
    job: int  # sealed memory file: the whole job, for the examiner alone

    @classmethod
    def receive(cls, line: socket.socket, *, findings: int, source: int, job: int) -> Request:
        received = b""
        while not received.endswith(b"\n"):
            data = line.recv(_LINE_BYTES)
            if not data or len(received) > _LINE_BYTES:
                raise ConnectionError("the app went away before it had said what to run")
            received += data
        header = json.loads(received)
        limits = Limits(**header.pop("limits"))
        return cls(**header, limits=limits, line=line, findings=findings, source=source, job=job)


class Supervisor:
    """The processes of one run and the loop that watches them."""

    def __init__(self, request: Request, *, walls: Walls, level: str, nursery: Cradle) -> None:
        self._request = request
        self._family = Family(
            request.limits, bodies=_bodies(request, walls, level), nursery=nursery, tell=self._tell
        )
        self._selector = selectors.DefaultSelector()
        self._outgoing = bytearray()
        self._channel, self._examiner_end = socket.socketpair()
        self._asked = LineSplitter(limit=_LINE_BYTES)
        self._script: Confined | None = None
        self._script_awaited = False
        self._calls: dict[int, Confined] = {}
        self._fault = ""
        self._next_watch = 0.0
        self._over = False

    def run(self) -> None:
        """Until the examiner is done or the app has gone; nothing of the run lives on afterwards."""
        request = self._request
        request.line.setblocking(False)
        self._selector.register(request.line, selectors.EVENT_READ, self._serve_line)
        self._selector.register(self._channel, selectors.EVENT_READ, self._hear_examiner)
        self._tell("status", {"phase": "starting"})
        if request.kind == "run":  # before the examiner: its first line is what somebody waits for
            self._script = self._watch(self._family.script(request.source))
        examiner_files = (request.job, self._examiner_end.fileno(), request.findings)
        examiner = self._watch(self._family.examiner(examiner_files))
        self._examiner_end.close()
        for descriptor in (request.source, request.job, request.findings):
            os.close(descriptor)
        if self._script is None:
            self._tell("status", {"phase": "examining"})
        while not self._over and examiner.ending is None:
            for key, _ in self._selector.select(_SOON_S if self._family.streaming() else _WATCH_S):
                if self._selector.get_map().get(key.fd) is key:  # not ended by an earlier one of this round
                    key.data()
            self._look_after(time.monotonic())
        self._end_all()
        self._say_farewell(examiner)

    def _watch(self, confined: Confined) -> Confined:
        """Has the loop read the child's pipes and notice its end."""
        for descriptor in confined.sources:
            self._selector.register(
                descriptor, selectors.EVENT_READ, functools.partial(self._read, confined, descriptor)
            )
        self._selector.register(
            confined.child.grip, selectors.EVENT_READ, functools.partial(self._finish, confined)
        )
        return confined

    def _read(self, confined: Confined, descriptor: int) -> None:
        was_locked = confined.locked
        with suppress(BlockingIOError):
            if not confined.read(descriptor):
                self._selector.unregister(descriptor)
        if confined.locked and not was_locked and confined is self._script:
            self._tell("status", {"phase": "running"})

    def _finish(self, confined: Confined) -> Ending:
        for descriptor in confined.sources:
            self._selector.unregister(descriptor)
        self._selector.unregister(confined.child.grip)
        ending = confined.finish()
        self._fault = self._fault or confined.fault()
        if confined is self._script:
            self._tell("status", {"phase": "examining"})
            self._answer_script()
        return ending

    def _look_after(self, now: float) -> None:
        for confined in self._family.living():
            if confined.stream is not None:
                confined.stream.flush_if_due()
        if now >= self._next_watch:
            self._next_watch = now + _WATCH_S
            self._family.hold_to_limits(now)

    # What the app and the examiner say

    def _serve_line(self) -> None:
        with suppress(BlockingIOError):
            if not self._request.line.recv(_LINE_BYTES):
                self._over = True
        self._send()

    def _hear_examiner(self) -> None:
        data = heard(self._channel)
        if not data:
            self._selector.unregister(self._channel)
        for line in self._asked.feed(data):
            self._answer(json.loads(line))

    def _answer(self, request: dict[str, Any]) -> None:
        match request:
            case {"script": _} if self._script is not None:
                self._script_awaited = True
                self._answer_script()
            case {"calls": {"fill_uninitialized": bool() as fill, "visible": bool() as visible}}:
                self._start_calls(fill_uninitialized=fill, visible=visible)
            case {"end": {"number": int() as number}} if number in self._calls:
                self._reply({"ending": asdict(self._end(self._calls.pop(number)))})
            case _:
                raise ValueError(f"the examiner asked for what there isn't: {request}")

    def _answer_script(self) -> None:
        if self._script_awaited and self._script is not None and self._script.ending is not None:
            self._script_awaited = False
            self._reply({"ending": asdict(self._script.ending)})

    def _start_calls(self, *, fill_uninitialized: bool, visible: bool) -> None:
        confined, pipes = self._family.calls(fill_uninitialized=fill_uninitialized, visible=visible)
        self._calls[confined.child.pid] = self._watch(confined)
        with suppress(ConnectionError):  # it has just died: its end will be noticed
            socket.send_fds(self._channel, [encode({"number": confined.child.pid})], pipes)
        for descriptor in pipes:
            os.close(descriptor)

    def _reply(self, message: dict[str, Any]) -> None:
        with suppress(ConnectionError):
            self._channel.sendall(encode(message))

    # The end

    def _end(self, confined: Confined) -> Ending:
        if confined.ending is None:
            confined.child.kill("cancelled")
            self._finish(confined)
        assert confined.ending is not None
        return confined.ending

    def _end_all(self) -> None:
        living = self._family.living()
        for confined in living:  # all at once, then wait for each
            confined.child.kill("cancelled")
        self._script_awaited = False
        for confined in living:
            self._finish(confined)

    def _say_farewell(self, examiner: Confined) -> None:
        assert examiner.ending is not None
        self._outgoing += encode({"end": asdict(examiner.ending), "fault": self._fault})
        self._request.line.settimeout(_FAREWELL_S)
        with suppress(OSError):  # cancelled: nobody listens
            self._request.line.sendall(self._outgoing)

    # Telling the app

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
        """Queues an event. The queue is bounded because what goes in is: output and reports are capped."""
        self._outgoing += encode({"event": kind, "data": data})
        self._send()

    def _send(self) -> None:
        try:
            sent = self._request.line.send(self._outgoing)
        except BlockingIOError:
            sent = 0
        except OSError:  # the app has gone
            self._over, sent = True, len(self._outgoing)
        del self._outgoing[:sent]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)
        self._selector.modify(self._request.line, events, self._serve_line)


def heard(channel: socket.socket) -> bytes:
    """What the examiner says; nothing when it has died, be it with an answer of ours unread."""
    try:
        return channel.recv(_LINE_BYTES)
    except ConnectionError:
        return b""


def _bodies(request: Request, walls: Walls, level: str) -> Bodies:
    return Bodies(
        walls=walls, level=level, limits=request.limits, filename=request.filename, seed=request.seed
    )


def supervise(descriptors: list[int], *, walls: Walls, level: str, nursery: Cradle) -> None:
    """Runs the job behind the four descriptors that came from the app, to its end."""
    line, findings, source, job = descriptors
    request = Request.receive(socket.socket(fileno=line), findings=findings, source=source, job=job)
    Supervisor(request, walls=walls, level=level, nursery=nursery).run()
