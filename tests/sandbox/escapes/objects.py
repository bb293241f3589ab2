"""Attempts to make objects of the kernel that no limit counts, or that others could share."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import platform

from tests.sandbox.escapes.inside import buffer, call, filled
from tests.sandbox.escapes.registry import attempt


@attempt("memfd_create")
def hide_memory_in_a_memory_file() -> object:
    return os.memfd_create("hidden")


@attempt()
def hide_memory_in_a_secret_file() -> object:
    return call((447, 447), 0)


@attempt("memory via MAP_SHARED anon mmap")
def hide_memory_that_stays_when_it_is_dropped() -> object:
    shared = mmap.mmap(-1, 1 << 20)
    shared.write(b"x" * (1 << 20))
    shared.madvise(mmap.MADV_DONTNEED)  # as unmapping all but one page would: held, and counted nowhere
    return f"{shared[:].count(b'x')} bytes"


@attempt()
def hide_memory_in_a_device_of_zeros() -> object:
    shared = mmap.mmap(os.open("/dev/zero", os.O_RDWR), 1 << 20)
    shared.write(b"x" * (1 << 20))
    shared.madvise(mmap.MADV_DONTNEED)
    return f"{shared[:].count(b'x')} bytes"


@attempt("SysV shm")
def share_memory() -> object:
    segment = call((29, 194), 0, 1 << 20, 0o1600)
    call((31, 195), segment, 0, 0)  # takes it away again
    return f"segment {segment}"


@attempt()
def share_a_semaphore() -> object:
    made = call((64, 190), 0, 1, 0o1600)
    call((66, 191), made, 0, 0, 0)
    return f"semaphore {made}"


@attempt()
def share_a_queue_of_messages() -> object:
    queue = call((68, 186), 0, 0o1600)
    call((71, 187), queue, 0, 0)
    return f"queue {queue}"


@attempt()
def open_a_queue_by_its_name() -> object:
    return call((240, 180), b"overfit", os.O_RDWR | os.O_CREAT, 0o600, filled("4q32x", 0, 1, 8, 0))


@attempt("syscall io_uring_setup")
def make_a_ring_of_calls() -> object:
    return call((425, 425), 4, buffer(120))


@attempt()
def make_a_context_of_calls() -> object:
    return call((206, 0), 8, buffer(8))


@attempt("syscall userfaultfd")
def handle_its_own_page_faults() -> object:
    return call((323, 282), 1)  # of user mode alone: what an ordinary user may


@attempt("syscall vmsplice")
def lend_pages_to_a_pipe() -> object:
    _, writing = os.pipe()
    page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE)
    vector = filled("QQ", ctypes.addressof(ctypes.c_char.from_buffer(page)), 4096)
    return call((278, 75), writing, vector, 1, 0)


@attempt()
def move_pages_between_pipes() -> object:
    (reading, filling), (_, writing) = os.pipe(), os.pipe()
    os.write(filling, b"x")
    return call((275, 76), reading, 0, writing, 0, 1, 0)


@attempt("syscall mbind")
def bind_memory_to_a_node() -> object:
    page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE)
    return call((237, 235), ctypes.addressof(ctypes.c_char.from_buffer(page)), 4096, 0, 0, 0, 0)


@attempt()
def lock_memory() -> object:
    page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE)
    return call((149, 228), ctypes.addressof(ctypes.c_char.from_buffer(page)), 4096)


@attempt()
def make_a_timer() -> object:
    return call((222, 107), 1, 0, buffer(8))


@attempt("pipe buffers")
def make_a_pipe_larger() -> object:
    return fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)


@attempt()
def be_told_by_signals_of_a_pipe() -> object:
    return fcntl.ioctl(os.pipe()[0], 0x5452, filled("i", 1))


@attempt("fcntl locks on shared inode (covert channel)")
def lock_a_file_that_all_runs_share() -> object:
    fcntl.fcntl(os.open(os.__file__, os.O_RDONLY), fcntl.F_SETLK, filled("hhqqi4x", 0, 0, 0, 1, 0).raw)
    return "a lock"


@attempt()
def lock_a_whole_file_that_all_runs_share() -> object:
    fcntl.flock(os.open(os.__file__, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    return "a lock"


@attempt()
def lock_a_file_by_its_description() -> object:
    fcntl.fcntl(os.open(os.__file__, os.O_RDONLY), 37, filled("hhqqi4x", 0, 0, 0, 1, 0).raw)
    return "a lock"


@attempt()
def be_told_of_changes_in_a_shared_folder() -> object:
    folder = os.open(os.path.dirname(os.__file__), os.O_RDONLY)
    return fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_ACCESS)


@attempt()
def learn_the_terminal_it_is_printed_on() -> object:
    assert platform.system() == "Linux"
    return os.open("/dev/tty", os.O_RDWR)
