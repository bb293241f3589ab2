"""The tables of system calls against the kernel headers, libseccomp and the running kernel itself."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import time
from pathlib import Path

import pytest

from sandbox import kernel, syscalls
from tests.sandbox.numbers import from_headers, from_libseccomp

CHECKOUT = Path(__file__).parents[2]
TABLES = {
    machine: {
        **syscalls.ALLOWED[machine],
        **syscalls.FILTERED[machine],
        **kernel._NUMBERS[machine],
        **kernel._SHARED,
    }
    for machine in syscalls.MACHINES
}
machines = pytest.mark.parametrize("machine", syscalls.MACHINES)


@machines
def test_the_numbers_are_those_of_the_kernel_headers(machine: str) -> None:
    headers = from_headers(machine)
    if not headers:
        pytest.skip(f"no kernel headers for {machine} here (on Debian: linux-libc-dev)")
    known = {name: number for name, number in TABLES[machine].items() if name in headers}
    assert known == {name: headers[name] for name in known}
    # headers may be older than the newest calls that we make, and miss nothing else
    assert all(number >= 440 for name, number in TABLES[machine].items() if name not in headers)


@machines
def test_the_numbers_are_those_of_libseccomp(machine: str) -> None:
    number = from_libseccomp()
    if number is None:
        pytest.skip("libseccomp.so.2 isn't here")
    table = TABLES[machine]
    found = {name: number(machine, name) for name in table}
    assert found == {name: value if found[name] != -1 else -1 for name, value in table.items()}
    assert all(table[name] >= 440 for name in found if found[name] == -1)  # newer than the library


def test_the_kernel_answers_to_them() -> None:
    """Calls whose answers we know, made by number."""
    table = TABLES[platform.machine()]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long

    def call(name: str, *arguments: int) -> int:
        return int(libc.syscall(ctypes.c_long(table[name]), *map(ctypes.c_long, arguments)))

    assert call("getpid") == call("gettid") == os.getpid()
    assert call("getppid") == os.getppid()
    assert (call("getuid"), call("getegid")) == (os.getuid(), os.getegid())
    assert call("lseek", 2**20, 0, 0) == -1
    assert call("close", 2**20) == -1
    before = time.monotonic()
    assert call("poll" if "poll" in table else "ppoll", 0, 0, 10 if "poll" in table else 0) in (0, -1)
    assert time.monotonic() - before < 5


def test_a_number_stands_beside_each_name_for_both_machines_or_a_dash() -> None:
    for table in (syscalls._ALLOWED, syscalls._FILTERED):
        rows = [line.partition("#")[0].split() for line in table.splitlines()]
        assert all(re.fullmatch(r"[a-z]\w+ (\d+|-) (\d+|-)", " ".join(row)) for row in rows if row)


def test_a_call_that_was_not_seen_says_what_it_stands_in_for() -> None:
    """As scripts/trace-calls last said of x86-64; what it sees is what programs do with glibc 2.36."""
    unseen = "dup3 readlink lstat chdir clock_getres gettimeofday nanosleep geteuid getegid"
    unseen += " sched_yield restart_syscall rt_sigreturn writev"
    rows = dict(re.findall(r"^ +(\w+) +[\d-]+ +[\d-]+(?: +# (.+))?$", syscalls._ALLOWED, re.MULTILINE))
    assert all(rows[name] for name in unseen.split())
