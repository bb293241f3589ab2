"""What attempts are made with; travels into the jail as text, in front of them.

Each attempt runs in a forked child where a fork is to be had, so that none is helped or hindered by what an
earlier one got; behind the filter there is none, and nothing of a process that could be changed either.
"""

from __future__ import annotations

import ctypes
import fcntl  # noqa: F401 - what attempts use
import json
import mmap  # noqa: F401
import os
import platform
import resource  # noqa: F401
import signal
import socket  # noqa: F401
import stat  # noqa: F401
import struct
import subprocess  # noqa: F401
import sys
import tempfile
import time  # noqa: F401
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path  # noqa: F401

X86 = platform.machine() == "x86_64"
NEWNS, NEWUTS, NEWUSER, NEWNET = 1 << 17, 1 << 26, 1 << 28, 1 << 30
AT_FDCWD = -100
PARENT = os.getppid()
RESULTS = 63  # the descriptor that a forked child tells by

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


class Held(Exception):
    """Nothing was got, and no system call had to say so."""


@dataclass
class Target:
    """Things of the host that attempts are aimed at; an ordinary process of the same user could get all."""

    folder: str = ""  # everybody may read and write in it
    secret: str = ""  # a file in it
    pipe: str = ""  # a named pipe in it
    checkout: str = ""
    victim: int = 0  # another process of the same user
    port: int = 0  # of a server on loopback
    path_socket: str = ""
    abstract_socket: str = ""


target = Target()


def call(numbers: tuple[int, int], *arguments: object) -> int:
    """A system call by its numbers on x86-64 and aarch64. Raises OSError; 0 there means: it has none."""
    number = numbers[0 if X86 else 1]
    if not number:
        raise Held("this machine has no such call")
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result: int = libc.syscall(ctypes.c_long(number), *wide)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def filled(layout: str, *values: int) -> ctypes.Array[ctypes.c_char]:
    """A structure in memory."""
    data = struct.pack(layout, *values)
    return ctypes.create_string_buffer(data, len(data))


def buffer(size: int, *, first: int = 0) -> ctypes.Array[ctypes.c_char]:
    """Zeros, but for the first four bytes."""
    return ctypes.create_string_buffer(struct.pack("I", first).ljust(size, b"\0"), size)


def own_namespaces(kinds: int) -> None:
    """What an attacker does first: become root in namespaces of his own."""
    call((272, 97), NEWUSER | kinds)


def in_child(work: Callable[[], object]) -> object:
    """What `work` does in a child that is reaped; for calls that return twice."""
    caller = os.getpid()
    try:
        child = work()
    except OSError:
        if os.getpid() != caller:  # in the child: it must not go on as us
            os._exit(1)
        raise
    if child == 0:
        os._exit(0)
    assert isinstance(child, int)
    os.waitpid(child, 0)
    return f"process {child}"


def read(path: str) -> object:
    with open(path, "rb") as file:
        return file.read(8)


def writable_folder() -> str:
    """The scratch where a jail has one, else a folder that everybody may write to."""
    own = tempfile.gettempdir() if os.path.ismount(tempfile.gettempdir()) else ""
    return own if own and os.access(own, os.W_OK) else target.folder


def attempt_all(attempts: list[Callable[[], object]]) -> None:
    """Makes each attempt and prints what came of all."""
    sys.stdout.flush()
    print(json.dumps({made.__name__.replace("_", " "): _isolated(made) for made in attempts}))


def _isolated(made: Callable[[], object]) -> dict[str, object]:
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError:
        found = _made(made)
        os.closerange(reading, RESULTS + 1)  # what it opened, too
        return found
    if child == 0:
        os.dup2(writing, RESULTS)
        signal.alarm(10)
        os.write(RESULTS, json.dumps(_made(made)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    with suppress(ChildProcessError):
        while True:  # a daemon that it left: a later attempt must not find our own
            os.waitpid(-1, 0)
    if told:
        result: dict[str, object] = json.loads(told)
        return result
    ended = os.waitstatus_to_exitcode(status)
    return {"got": None, "errno": 0, "detail": f"ended by {ended}", "broken": ended in (-signal.SIGALRM, 0)}


def _made(made: Callable[[], object]) -> dict[str, object]:
    try:
        return {"got": str(made())[:200], "errno": 0, "detail": "", "broken": False}
    except OSError as error:
        return {"got": None, "errno": error.errno or 0, "detail": str(error)[:200], "broken": False}
    except (Held, MemoryError) as error:
        return {"got": None, "errno": 0, "detail": str(error) or "MemoryError", "broken": False}
    except Exception:  # the attempt itself is broken: that proves nothing
        return {"got": None, "errno": 0, "detail": traceback.format_exc()[-600:], "broken": True}
