"""Landlock: what a process may still open, bind, connect to or signal, whoever it runs as."""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable

from sandbox import kernel

# linux/landlock.h
_READ_FILE, _READ_DIR, _WRITE_FILE = 1 << 2, 1 << 3, 1 << 1
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST_ABI = (1 << 13) - 1
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPE_ABSTRACT_UNIX, _SCOPE_SIGNAL = 1, 2
_CREATE_VERSION = 1
_RULE_PATH_BENEATH = 1

_ON_FILES = _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV
_WRITE_BELOW = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def abi() -> int:
    """The kernel's Landlock version, 0 when it has none or isn't using it."""
    try:
        return kernel.syscall("landlock_create_ruleset", None, 0, _CREATE_VERSION)
    except OSError:
        return 0


def restrict(*, readable: Iterable[str], writable: Iterable[str] = (), devices: Iterable[str] = ()) -> None:
    """Denies this process every path but these, every TCP port, and signals out of its own domain.

    Needs no_new_privs. There is no way back, for this process or for what it starts.
    """
    version = abi()
    handled = _handled_access(version)
    ruleset = _create_ruleset(version, handled)
    try:
        for path in readable:
            _allow(ruleset, path, (_READ_FILE | _READ_DIR) & handled)
        for path in writable:
            _allow(ruleset, path, (_READ_FILE | _READ_DIR | _WRITE_BELOW) & handled)
        for path in devices:
            _allow(ruleset, path, (_READ_FILE | _WRITE_FILE) & handled)
        kernel.syscall("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _handled_access(version: int) -> int:
    handled = _FIRST_ABI
    for needed, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        if version >= needed:
            handled |= right
    return handled


def _create_ruleset(version: int, handled: int) -> int:
    attributes = _Ruleset(
        handled_access_fs=handled,
        handled_access_net=_BIND_TCP | _CONNECT_TCP if version >= 4 else 0,
        scoped=_SCOPE_ABSTRACT_UNIX | _SCOPE_SIGNAL if version >= 6 else 0,
    )
    # An older kernel refuses a structure longer than the one it knows.
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    pointer = ctypes.cast(ctypes.byref(attributes), ctypes.c_void_p)
    return kernel.syscall("landlock_create_ruleset", pointer, size, 0)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # what isn't there needs no rule
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            access &= _ON_FILES
        rule = _PathBeneath(allowed_access=access, parent_fd=parent)
        pointer = ctypes.cast(ctypes.byref(rule), ctypes.c_void_p)
        kernel.syscall("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, pointer, 0)
    finally:
        os.close(parent)
