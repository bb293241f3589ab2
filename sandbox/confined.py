"""A confined process of a run and what comes out of it: output, reports, word that its walls stand."""

from __future__ import annotations

import codecs
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.child import Child
from sandbox.failures import sanitised
from sandbox.job import Ending
from sandbox.limits import Limits
from sandbox.lines import LineSplitter, LineTooLong
from sandbox.stream import Points, Stream

Take = Callable[[bytes], None]  # bytes read from a pipe; none of them at its end

LOCKED = b"locked"
_READ = 64 << 10
_KEPT = 8
_MOST_REPORTS = 4  # times the bound of loss points, for all that is read of reports ...
_LINE_COST = 64  # ... where each line counts for so many bytes more


@dataclass(slots=True)
class Confined:
    """One child and the pipes that we read from it."""

    child: Child
    sources: dict[int, Take] = field(default_factory=dict)
    stream: Stream | None = None
    reports: Reports | None = None
    setup: bytes = b""
    ending: Ending | None = None

    @property
    def locked(self) -> bool:
        return self.setup == LOCKED

    def listen(self, descriptor: int, take: Take) -> None:
        """Reads that pipe from now on, and never waits for it: at level landlock the child can open its own
        end anew in /proc/self/fd, for reading, and empty it between our being told and our reading.
        """
        os.set_blocking(descriptor, False)
        self.sources[descriptor] = take

    def take_setup(self, data: bytes) -> None:
        self.setup += data

    def read(self, descriptor: int) -> bool:
        """Takes what has come on one pipe; False, and the pipe closed, at its end.

        Raises BlockingIOError when nothing has come after all.
        """
        data = os.read(descriptor, _READ)
        self.sources[descriptor](data)
        if not data:
            os.close(descriptor)
            del self.sources[descriptor]
        return bool(data)

    def finish(self) -> Ending:
        """Takes what is still in the pipes of the dead child, then reaps it."""
        for descriptor in list(self.sources):
            try:
                while self.read(descriptor):
                    pass
            except BlockingIOError:  # a sibling just forked holds the other end for a moment longer
                self.sources.pop(descriptor)(b"")
                os.close(descriptor)
        if self.stream is not None:
            self.stream.flush()
        reports = tuple(self.reports.kept) if self.reports else ()
        self.ending = replace(self.child.reap(), reports=reports)
        return self.ending

    def fault(self) -> str:
        """Why its walls didn't stand, or ''. Nothing foreign ran then, and the fault is ours."""
        if self.locked or self.child.reason is not None:
            return ""
        return f"a process could not be locked in: {self.setup.decode(errors='replace') or 'no reason given'}"


class Output:
    """Standard output and error of one process, passed on as text until both together reach the cap."""

    def __init__(self, stream: Stream, *, limits: Limits, on_excess: Callable[[], None]) -> None:
        self._stream = stream
        self._left = limits.output_bytes
        self._on_excess = on_excess

    def taker(self, name: str) -> Take:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

        def take(data: bytes) -> None:
            excess = len(data) > self._left
            data = data[: self._left]
            self._left -= len(data)
            self._stream.add_text(name, decoder.decode(data, final=not data))
            if excess:
                self._on_excess()

        return take


class Reports:
    """What a script process claims about itself: loss points, passed on; the rest, kept for its ending."""

    def __init__(self, stream: Stream, *, limits: Limits) -> None:
        self.kept: list[dict[str, Any]] = []
        self._stream = stream
        self._left = limits.report_bytes
        self._unread = _MOST_REPORTS * (limits.report_bytes + limits.report_line_bytes)
        self._splitter: LineSplitter | None = LineSplitter(limit=limits.report_line_bytes)

    def take(self, data: bytes) -> None:
        if self._splitter is None:
            return
        try:
            lines = self._splitter.feed(data)
        except LineTooLong:
            self._splitter = None  # not our candidate module's doing: nothing more from there is believed
            return
        self._unread -= len(data) + _LINE_COST * len(lines)
        if self._unread < 0:  # nor is this: to read a flood of short lines keeps us from watching its memory
            self._splitter = None
            return
        for line in lines:
            self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(message, dict):
            return
        if "loss" not in message:
            if len(self.kept) < _KEPT:
                self.kept.append(_claim(message))
            return
        self._left -= len(line)
        if self._left >= 0:  # past the bound the curve stops, and a failure is still heard
            self._stream.add_points(_points(message["loss"]))


def _claim(message: dict[str, Any]) -> dict[str, Any]:
    """What a script may claim of its end, in a form of ours: something nested deeply goes no further."""
    claim: dict[str, Any] = {}
    if "failure" in message:
        claim["failure"] = sanitised(message["failure"])
    if _is_count(message.get("losses")):
        claim["losses"] = message["losses"]
    return claim


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 53  # what JavaScript can hold


def _points(claimed: object) -> Points:
    """The well-formed [step, loss] pairs; a loss that JSON can't hold, such as NaN, becomes null."""
    points: Points = []
    for pair in claimed if isinstance(claimed, list) else ():
        match pair:
            case [int() as step, int() | float() as value] if _is_count(step):
                points.append([step, _finite(value)])
            case [int() as step, None] if _is_count(step):
                points.append([step, None])
    return points


def _finite(value: float) -> float | None:
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an int that no float holds
        return None
