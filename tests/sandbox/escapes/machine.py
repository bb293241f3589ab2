"""Attempts to change the machine, or to look into its kernel."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

from tests.sandbox.escapes.inside import (
    call,
    filled,
    target,
)
from tests.sandbox.escapes.registry import attempt


@attempt("oom_score_adj / proc writes")
def keep_the_kernel_from_choosing_it() -> object:
    return Path("/proc/self/oom_score_adj").write_text("0")


@attempt()
def change_a_switch_of_the_kernel() -> object:
    return Path("/proc/sys/kernel/hostname").write_text("owned")


@attempt()
def leave_its_control_group() -> object:
    return Path("/sys/fs/cgroup/cgroup.procs").write_text("0")


@attempt("clock_settime")
def set_the_clock() -> object:
    return call((227, 112), 0, filled("qq", int(time.time()), 0))


@attempt()
def set_the_time_of_day() -> object:
    return call((164, 170), filled("qq", int(time.time()), 0), 0)


@attempt("reboot")
def have_a_say_in_reboots() -> object:
    return call((169, 142), 0xFEE1DEAD, 0x28121969, 0, 0)  # what Ctrl+Alt+Del does: no reboot


@attempt("syscall kexec_load")
def load_a_kernel() -> object:
    return call((246, 104), 0, 0, 0, 0)  # no segments: takes the loaded one away


@attempt("syscall init_module")
def load_a_module() -> object:
    return call((175, 105), ctypes.create_string_buffer(64), 64, b"")


@attempt()
def load_a_module_from_a_file() -> object:
    return call((313, 273), os.open(target.secret, os.O_RDONLY), b"", 0)


@attempt("syscall swapon")
def swap_to_a_file() -> object:
    return call((167, 224), target.secret.encode(), 0)


@attempt()
def account_processes_to_a_file() -> object:
    return call((163, 89), target.secret.encode())


@attempt()
def reach_the_ports_of_the_machine() -> object:
    return call((172, 0), 3)  # iopl


@attempt("syscall bpf")
def load_a_program_into_the_kernel() -> object:
    program = filled("QQ", 0xB7, 0x95)  # r0 = 0; exit
    licence = ctypes.create_string_buffer(b"GPL")
    arguments = filled("IIQQ104x", 1, 2, ctypes.addressof(program), ctypes.addressof(licence))
    return call((321, 280), 5, arguments, 128)


@attempt("syscall perf_event_open")
def count_events_of_the_processor() -> object:
    attributes = filled("IIQQQQQ64x", 1, 112, 0, 0, 0, 0, 1 << 5 | 1 << 6)  # of itself, in user mode
    return call((298, 241), attributes, 0, -1, -1, 0)


@attempt()
def read_the_log_of_the_kernel() -> object:
    return call((103, 116), 3, ctypes.create_string_buffer(256), 256)
