"""Attempts to start processes, and to escape from what is held over one's own."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
from contextlib import suppress

from tests.sandbox.escapes.inside import (
    NEWUSER,
    RESULTS,
    call,
    filled,
    in_child,
    libc,
)
from tests.sandbox.escapes.registry import attempt

# What is copied into the jail are the functions alone; all they use stands in inside.py.


@attempt("fork bomb")
def fork_a_child() -> object:
    return in_child(os.fork)


@attempt("clone NEWUSER")
def clone_a_child_into_a_user_namespace() -> object:
    return in_child(lambda: call((56, 220), NEWUSER | 17, 0, 0, 0, 0))


@attempt()
def clone_a_child_by_a_system_call_of_its_own() -> object:
    return in_child(lambda: call((56, 220), 17, 0, 0, 0, 0))


@attempt()
def clone_a_child_by_the_newer_call() -> object:
    """Its flags lie behind a pointer, where no filter can read them."""
    arguments = filled("11Q", *(0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0))
    return in_child(lambda: call((435, 435), arguments, 88))


@attempt("clone THREAD/NEWUSER mix", impossible=True)
def clone_a_thread_into_a_user_namespace() -> object:
    thread, memory, signals = 0x10000, 0x100, 0x800
    return call((56, 220), thread | memory | signals | NEWUSER, 0, 0, 0, 0)


@attempt("double fork daemon (setsid)")
def start_a_daemon() -> object:
    def fork_twice() -> int:
        child = os.fork()
        if child == 0:
            os.setsid()
            os._exit(0 if os.fork() >= 0 else 1)
        return child

    return in_child(fork_twice)


@attempt("subprocess /bin/sh")
def run_a_shell() -> object:
    return subprocess.run(["/bin/sh", "-c", "echo out"], capture_output=True, check=False).stdout


@attempt()
def spawn_a_program() -> object:
    return in_child(lambda: os.posix_spawn("/bin/true", ["true"], {}))


@attempt("execve python directly")
def become_another_program() -> object:
    with suppress(OSError):
        os.set_inheritable(RESULTS, True)
    told = '{"got": "another program", "errno": 0, "detail": "", "broken": false}'
    os.execv(
        sys.executable,
        [sys.executable, "-I", "-S", "-c", f"import os; os.write({RESULTS}, {told.encode()!r})"],
    )
    return None


@attempt()
def become_another_program_by_its_descriptor() -> object:
    with suppress(OSError):
        os.set_inheritable(RESULTS, True)
    told = '{"got": "another program", "errno": 0, "detail": "", "broken": false}'
    program = os.open(sys.executable, os.O_RDONLY)
    arguments = [sys.executable, "-I", "-S", "-c", f"import os; os.write({RESULTS}, {told.encode()!r})"]
    os.execve(program, arguments, {})
    return None


@attempt("syscall prctl(PR_SET_PDEATHSIG,0)")
def outlive_its_supervisor() -> object:
    return call((157, 167), 1, 0, 0, 0, 0)


@attempt("syscall prctl(PR_SET_DUMPABLE,1)")
def become_dumpable_again() -> object:
    return call((157, 167), 4, 1, 0, 0, 0)


@attempt("x32 ABI syscall", "x32 ABI syscall number (0x40000000/39)", alone=True)
def call_the_kernel_as_an_x32_program() -> object:
    if libc.syscall(ctypes.c_long(0x40000000 | 39)) < 0:
        raise OSError(ctypes.get_errno(), "no x32")
    return "getpid of the x32 ABI"


@attempt("int 0x80 32-bit syscall", alone=True)
def call_the_kernel_as_a_32_bit_program() -> object:
    rights = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE, rights)
    page.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))  # mov eax, 20 (getpid); int 0x80; ret
    number: int = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    if number < 0:
        raise OSError(-number, "no 32-bit calls")
    return f"process {number}"
