"""Inside the jail: runs the submission as a script, or loads it and answers the examiner's calls."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import time
import traceback
from typing import Any

from sandbox import calls
from sandbox.answers import Answers
from sandbox.observers import watch_losses
from sandbox.submission import Unloadable, execute, seed_everything

_CALL_BYTES = 64 << 20  # the largest call: all parameters of a model, in float64
_LIBRARY = re.compile(r"^/.*/(?:site-packages|python3\.\d+)/")
_BATCH_S = 0.05  # loss points travel this often at most


def run_script(*, source: str, filename: str, seed: int, report_fd: int) -> int:
    """Executes the source as `python FILE` would and returns its exit status; never raises.

    Writes JSON lines to `report_fd`: {"loss": [[step, value], ...]} as they come, {"failure": {...}} for an
    exception that nobody caught, {"losses": n} at the end.
    """
    _open_streams(filename)
    seed_everything(seed)
    reports = _LossReports(report_fd)
    with watch_losses(reports.add):
        status, reason = _run_main(source, filename)
    reports.flush()
    reports.write({"losses": reports.count})
    if reason is not None:
        reports.write({"failure": reason})
    _flush_streams()
    return status


def serve_calls(
    *, source: str, filename: str, seed: int, calls_in: int, calls_out: int, fill_uninitialized: bool
) -> int:
    """Loads the source as module "submission" on the first call, answers until the examiner hangs up."""
    _open_streams(filename)
    answers = Answers(source=source, filename=filename, seed=seed, fill=fill_uninitialized)
    try:
        calls.serve(calls_in=calls_in, calls_out=calls_out, most_bytes=_CALL_BYTES, answer=answers)
    except (
        OSError,
        calls.ProtocolError,
    ):  # the submission has touched the pipes: the examiner sees them closed
        return 1
    finally:
        _flush_streams()
    return 0


def _run_main(source: str, filename: str) -> tuple[int, dict[str, Any] | None]:
    try:
        execute(source=source, filename=filename, name="__main__")
    except SystemExit as error:
        return _exit_status(error), None
    except Unloadable as error:
        _print_traceback(error, filename)
        return 1, error.failure
    return 0, None


def _exit_status(error: SystemExit) -> int:
    """The status that python would exit with: a message goes to stderr and counts as 1."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    with contextlib.suppress(Exception):
        print(error.code, file=sys.stderr)  # noqa: T201 - as python does
    return 1


def _print_traceback(error: Unloadable, filename: str) -> None:
    """What python would print, without the frames of the sandbox above the submission's."""
    cause = error.cause
    with contextlib.suppress(Exception):
        if cause is None:
            print(f"{filename}: {error.failure['message']}", file=sys.stderr)  # noqa: T201
            return
        trace = cause.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != filename:
            trace = trace.tb_next
        shown = traceback.TracebackException(type(cause), cause, trace)
        _shorten(shown)
        print("".join(shown.format()), end="", file=sys.stderr)  # noqa: T201


def _shorten(shown: traceback.TracebackException | None) -> None:
    """Library files by their place in the library: where it is installed is the host's business."""
    while shown is not None:
        for frame in shown.stack:
            _ = frame.line  # read while the name still leads to the file
            frame.filename = _LIBRARY.sub("", frame.filename)
        shown = shown.__cause__ or shown.__context__


def _open_streams(filename: str) -> None:
    """Standard streams over descriptors 0, 1 and 2, written by lines; the parent's objects stay behind."""
    sys.argv = [filename]
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), encoding="utf-8")
    for name, fd in (("stdout", 1), ("stderr", 2)):
        raw = io.BufferedWriter(io.FileIO(fd, "w", closefd=False))
        stream = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


class _LossReports:
    """Loss points on their way out: gathered a little, thinned when there are many thousands."""

    def __init__(self, fd: int):
        self._fd = fd
        self._points: list[tuple[int, float]] = []
        self._sent_at = 0.0
        self.count = 0

    def add(self, value: float) -> None:
        step, self.count = self.count, self.count + 1
        if step < 2_000 or (step < 20_000 and step % 10 == 0) or step % 1_000 == 0:
            self._points.append((step, value))
        if time.monotonic() - self._sent_at > _BATCH_S:
            self.flush()

    def flush(self) -> None:
        self._sent_at = time.monotonic()
        finite = [[step, round(value, 5)] for step, value in self._points if abs(value) < 1e9]
        self._points.clear()
        if finite:
            self.write({"loss": finite})

    def write(self, report: dict[str, Any]) -> None:
        rest = memoryview(json.dumps(report).encode() + b"\n")
        with contextlib.suppress(OSError):
            while rest:
                rest = rest[os.write(self._fd, rest) :]
