"""Attempts to make and enter namespaces and to change mounts, from a user namespace of one's own."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

from tests.sandbox.escapes.inside import (
    AT_FDCWD,
    NEWNET,
    NEWNS,
    NEWUTS,
    call,
    filled,
    own_namespaces,
    target,
)
from tests.sandbox.escapes.registry import attempt


@attempt("unshare(NEWUSER/NEWNS)")
def make_namespaces() -> object:
    own_namespaces(NEWNS | NEWNET)
    return "users, mounts and a network of its own"


@attempt("setns")
def enter_a_namespace() -> object:
    with suppress(OSError):
        own_namespaces(NEWNET)
    return call((308, 268), os.open("/proc/self/ns/net", os.O_RDONLY), NEWNET)


@attempt()
def enter_the_namespaces_of_another_process() -> object:
    return call((308, 268), os.pidfd_open(target.victim), NEWNET)


@attempt("mount tmpfs / remount rw")
def mount_something() -> object:
    with suppress(OSError):
        own_namespaces(NEWNS)
    return call((165, 40), b"none", b"/dev", b"tmpfs", 0, 0)


@attempt()
def make_its_root_writable() -> object:
    with suppress(OSError):
        own_namespaces(NEWNS)
    call((165, 40), b"/", b"/", 0, 4096 | 16384, 0)  # bind, with all below
    return call((165, 40), b"none", b"/", 0, 32 | 4096, 0)  # remount


@attempt("umount /proc cover", impossible=True)
def take_the_cover_off_proc() -> object:
    with suppress(OSError):
        own_namespaces(NEWNS)
    return call((166, 39), b"/proc", 2)


@attempt("pivot_root")
def change_the_root() -> object:
    with suppress(OSError):
        own_namespaces(NEWNS)
    call((165, 40), b"none", b"/dev", b"tmpfs", 0, 0)
    os.chdir("/dev")
    return call((155, 41), b".", b".")


@attempt("new mount api fsopen")
def make_a_filesystem() -> object:
    with suppress(OSError):
        own_namespaces(NEWNS)
    return call((430, 430), b"tmpfs", 0)


@attempt()
def take_hold_of_a_mount_tree() -> object:
    with suppress(OSError):
        own_namespaces(NEWNS)
    return call((428, 428), AT_FDCWD, b"/", 1 | 0x8000)  # a copy, with all below


@attempt()
def change_the_flags_of_a_mount() -> object:
    with suppress(OSError):
        own_namespaces(NEWNS)
    return call((442, 442), AT_FDCWD, b"/", 0x8000, filled("4Q", 2, 0, 0, 0), 32)  # nosuid, all below


@attempt()
def list_the_mounts() -> object:
    request, numbers = filled("IIQQ", 24, 0, 0xFFFFFFFFFFFFFFFF, 0), ctypes.create_string_buffer(1024)
    return call((458, 458), request, numbers, 128, 0)


@attempt("chroot double escape")
def change_the_root_folder_twice() -> object:
    with suppress(OSError):
        own_namespaces(NEWNS)
    call((161, 51), b"/dev")
    os.chdir("../../..")
    return call((161, 51), b".")


@attempt("sethostname")
def rename_the_host() -> object:
    with suppress(OSError):
        own_namespaces(NEWUTS)
    return call((170, 161), b"owned", 5)
