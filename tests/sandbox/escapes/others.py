"""Attempts to signal, trace, read and hold up other processes."""

from __future__ import annotations

import ctypes
import os
import signal

from tests.sandbox.escapes.inside import (
    PARENT,
    Held,
    call,
    filled,
    target,
)
from tests.sandbox.escapes.registry import attempt


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
