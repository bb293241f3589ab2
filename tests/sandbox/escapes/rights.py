"""Attempts to gain rights and to get round limits."""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
from contextlib import suppress

from tests.sandbox.escapes.inside import (
    NEWNS,
    Held,
    call,
    filled,
    own_namespaces,
)
from tests.sandbox.escapes.registry import attempt


@attempt("caps are empty")
def have_a_capability() -> object:
    with suppress(OSError):
        own_namespaces(NEWNS)
    found = ctypes.create_string_buffer(24)
    call((125, 90), filled("Ii", 0x20080522, 0), found)
    if not any(found.raw):
        raise Held("no capability")
    return found.raw.hex()


@attempt()
def take_a_capability() -> object:
    return call((126, 91), filled("Ii", 0x20080522, 0), filled("6I", 1 << 21, 1 << 21, 0, 0, 0, 0))


@attempt("setuid(0)")
def become_root() -> object:
    return call((105, 146), 0)


@attempt()
def become_a_user_of_the_host() -> object:
    return call((117, 147), 1, 1, 1)


@attempt()
def leave_its_groups() -> object:
    return call((116, 159), 0, 0)


@attempt("raise own rlimits")
def raise_its_own_limits() -> object:
    return call((302, 261), 0, resource.RLIMIT_NOFILE, filled("QQ", 512, 512), 0)


@attempt("fd exhaustion")
def hold_a_hundred_files_open() -> object:
    return [os.open("/dev/null", os.O_RDONLY) for _ in range(100)][-1]


@attempt()
def take_more_address_space_than_allowed() -> object:
    return len(mmap.mmap(-1, 2 << 30, mmap.MAP_PRIVATE))


@attempt("syscall seccomp(log another filter)")
def put_a_filter_of_its_own_in_front() -> object:
    program = filled("HBBI", 6, 0, 0, 0x7FFF0000)  # allow
    return call((317, 277), 1, 0, filled("@HP", 1, ctypes.addressof(program)))


@attempt("syscall landlock noop")
def make_a_landlock_ruleset() -> object:
    return call((444, 444), 0, 0, 1)


@attempt("syscall personality(ADDR_NO_RANDOMIZE)")
def switch_random_addresses_off() -> object:
    return call((135, 92), 0x0040000)


@attempt("syscall keyctl")
def join_a_keyring() -> object:
    return call((250, 219), 1, b"overfit")


@attempt("syscall add_key")
def leave_a_key_for_later_runs() -> object:
    return call((248, 217), b"user", b"overfit-left", b"left", 4, -4)  # the user's own keyring


@attempt()
def ask_for_a_key() -> object:
    call((248, 217), b"user", b"overfit-asked", b"left", 4, -4)
    return call((249, 218), b"user", b"overfit-asked", 0, 0)


@attempt("syscall modify_ldt")
def look_at_its_segments() -> object:
    return call((154, 0), 0, ctypes.create_string_buffer(16), 16)
