"""Attempts to start processes, and to get at those of others."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import subprocess
import sys
from contextlib import suppress

from tests.sandbox.escapes.inside import (
    NEWUSER,
    PARENT,
    RESULTS,
    Held,
    call,
    filled,
    in_child,
    libc,
    target,
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


@attempt("kill(-1, SIGKILL)")
def signal_every_process() -> object:
    os.kill(-1, 0)
    return "all that may be signalled"


@attempt("kill ppid / zygote")
def signal_the_parent() -> object:
    if PARENT == 0:
        raise Held("no parent in sight")
    os.kill(PARENT, 0)
    return f"process {PARENT}"


@attempt("kill every pid 1..40000")
def signal_any_number() -> object:
    own = {os.getpid(), os.getppid(), os.getpgid(0)}
    for number in {*range(1, 40_000), target.victim} - own:
        try:
            os.kill(number, 0)
        except OSError:
            continue
        return f"process {number}"
    raise Held("nobody answers")


@attempt()
def signal_a_process_by_its_thread() -> object:
    return call((200, 130), target.victim, int(signal.SIGCONT))


@attempt()
def signal_a_thread_of_another_group() -> object:
    return call((234, 131), target.victim, target.victim, int(signal.SIGCONT))


@attempt()
def queue_a_signal_with_a_value() -> object:
    return call((129, 138), target.victim, int(signal.SIGCONT), filled("iii116x", int(signal.SIGCONT), 0, -1))


@attempt()
def signal_a_process_by_a_descriptor() -> object:
    signal.pidfd_send_signal(os.pidfd_open(target.victim), 0)
    return f"process {target.victim}"


@attempt("ptrace attach siblings")
def trace_another_process() -> object:
    seize = 0x4206  # does not stop it
    return call((101, 117), seize, target.victim, 0, 0)


@attempt("process_vm_readv")
def read_another_processs_memory() -> object:
    wanted = ctypes.create_string_buffer(8)
    local = filled("QQ", ctypes.addressof(wanted), 8)
    try:
        return call((310, 270), target.victim, local, 1, filled("QQ", 4096, 8), 1, 0)
    except OSError as error:
        if error.errno == 14:  # EFAULT: looked for at that address
            return "its address space was looked at"
        raise


@attempt()
def write_another_processs_memory() -> object:
    local = filled("QQ", ctypes.addressof(ctypes.create_string_buffer(8)), 8)
    try:
        return call((311, 271), target.victim, local, 1, filled("QQ", 4096, 8), 1, 0)
    except OSError as error:
        if error.errno == 14:
            return "its address space was looked at"
        raise


@attempt("pidfd_open+pidfd_getfd")
def take_a_descriptor_of_another_process() -> object:
    return call((438, 438), os.pidfd_open(target.victim), 0, 0)


@attempt()
def compare_kernel_objects_with_another_process() -> object:
    return call((312, 272), os.getpid(), target.victim, 1, 0, 0)


@attempt("sched priority")
def run_before_all_others() -> object:
    return call((144, 119), 0, 1, filled("i", 50))  # SCHED_FIFO


@attempt()
def slow_another_process_down() -> object:
    os.setpriority(os.PRIO_PROCESS, target.victim, 19)
    return f"process {target.victim}"


@attempt()
def choose_its_processor() -> object:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return "a processor of its own"


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
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))  # mov eax, 20 (getpid); int 0x80; ret
    number: int = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    if number < 0:
        raise OSError(-number, "no 32-bit calls")
    return f"process {number}"
