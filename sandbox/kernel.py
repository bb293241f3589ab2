"""The few Linux system calls that Python doesn't wrap, as functions that raise OSError."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Iterable

# The only numbers that differ between the two machines we know; calls newer than Linux 5.0 share theirs.
_NUMBERS = {
    "x86_64": {"pivot_root": 155, "capset": 126, "seccomp": 317},
    "aarch64": {"pivot_root": 41, "capset": 91, "seccomp": 277},
}
_SHARED = {
    "open_tree": 428,
    "move_mount": 429,
    "close_range": 436,
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_REC, MS_PRIVATE = 32, 16384, 1 << 18
_MNT_DETACH = 2

_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 1, 2, 4
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_OPEN_TREE_CLONE, _MOVE_MOUNT_F_EMPTY_PATH = 1, 4

_MADV_COLLAPSE = 25
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522

LINUX = sys.platform == "linux"
_MOST_DESCRIPTORS = 4096  # elsewhere they are closed one by one, and we never have as many

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def machine() -> str:
    return platform.machine()


def syscall(name: str, *arguments: ctypes._SimpleCData[int] | ctypes.c_void_p | bytes | int | None) -> int:
    """Calls `name` by its number on this machine; ENOSYS where the number isn't known."""
    if not LINUX:  # elsewhere the same number is another call
        raise OSError(38, "not Linux", name)
    number = _SHARED.get(name) or _NUMBERS.get(machine(), {}).get(name)
    if number is None:
        raise OSError(38, f"no number known on {machine()}", name)
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *wide), name)


def unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    _checked(_libc.setns(descriptor, kind), "setns")


def mount(source: str, target: str, *, kind: str = "", flags: int = 0, options: str = "") -> None:
    result = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _checked(result, f"mount {target}")


def hold_tree(path: str) -> int:
    """A descriptor on a detached copy of the mount tree at `path`, to be placed elsewhere."""
    return syscall("open_tree", _AT_FDCWD, path.encode(), _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC)


def place_tree(tree: int, target: str) -> None:
    syscall("move_mount", tree, b"", _AT_FDCWD, target.encode(), _MOVE_MOUNT_F_EMPTY_PATH)


def seal_tree(tree: int, *, devices: bool = False) -> None:
    """Makes a held tree read-only without set-uid; unlike a remount it keeps the flags already locked."""
    attributes = _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | (0 if devices else _MOUNT_ATTR_NODEV)
    record = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)  # set, clear, propagation, userns_fd
    pointer, size = ctypes.cast(record, ctypes.c_void_p), ctypes.sizeof(record)
    syscall("mount_setattr", tree, b"", _AT_EMPTY_PATH | _AT_RECURSIVE, pointer, size)


def pivot_root_into(root: str) -> None:
    """Makes `root` the root directory and lets go of the old tree."""
    os.chdir(root)
    syscall("pivot_root", b".", b".")  # the old root lands on top of the new one: pivot_root(2), NOTES
    _checked(_libc.umount2(b".", _MNT_DETACH), "umount2 old root")
    os.chdir("/")


def map_user(*, inside: int, user: int, group: int) -> None:
    """Maps the one user and group that a fresh user namespace holds: `user` outside is `inside` within."""
    for name, text in (
        ("setgroups", "deny"),  # the kernel's condition for mapping a group without privilege
        ("uid_map", f"{inside} {user} 1"),
        ("gid_map", f"{inside} {group} 1"),
    ):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


def close_all_but(kept: Iterable[int]) -> None:
    """Closes every descriptor that isn't in `kept`."""
    start = 0
    for descriptor in sorted(kept):
        _close_between(start, descriptor)
        start = descriptor + 1
    _close_between(start, 1 << 32)


def _close_between(start: int, end: int) -> None:
    if end > start and LINUX:
        syscall("close_range", start, end - 1, 0)
    elif end > start:
        os.closerange(start, min(end, _MOST_DESCRIPTORS))


def collapse(address: int, length: int) -> bool:
    """Makes huge pages of a range of our own memory; whether the kernel did."""
    outcome = _libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(length), _MADV_COLLAPSE)
    return int(outcome) == 0


def set_dumpable(dumpable: bool) -> None:
    _prctl(_PR_SET_DUMPABLE, int(dumpable))


def set_no_new_privileges() -> None:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def die_with_parent(signal_number: int = 9) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def drop_capabilities() -> None:
    """Empties the effective, permitted, inheritable, ambient and, where allowed, the bounding set."""
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # EINVAL: past the last one; EPERM: an ordinary user, whose bounding set is no power
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    empty = (ctypes.c_uint32 * 6)()
    syscall("capset", ctypes.cast(header, ctypes.c_void_p), ctypes.cast(empty, ctypes.c_void_p))


def _prctl(option: int, value: int) -> None:
    _checked(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def _checked(result: int, what: str) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result
