"""Container profiles as programs for the kernel: what a container engine would put over the server.

Docker isn't here, its filter can be: a seccomp profile in its JSON, or what its default profile is known to
deny to a container without capabilities (moby/profiles, seccomp/default.json).
"""

from __future__ import annotations

import json
import platform
from errno import EPERM
from pathlib import Path
from typing import Any

from sandbox import seccomp
from sandbox.seccomp import MACHINES
from tests.sandbox.numbers import from_headers, from_libseccomp

_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NAMESPACES = 0x7E020000  # of clone's flags, as Docker masks them
_DENIED_BY_DOCKER = """
    unshare setns mount umount2 pivot_root chroot sethostname setdomainname
    open_tree move_mount mount_setattr fsopen fsconfig fsmount fspick
    bpf perf_event_open keyctl add_key request_key userfaultfd kcmp pidfd_getfd process_madvise
    io_uring_setup io_uring_enter io_uring_register open_by_handle_at fanotify_init lookup_dcookie
    mbind set_mempolicy get_mempolicy move_pages migrate_pages quotactl acct syslog reboot swapon swapoff
    settimeofday clock_settime init_module finit_module delete_module kexec_load vhangup iopl ioperm
"""

# The first thing that a contained process does: a read-only root with python, torch and the environment that
# they are installed in, one tmpfs, and a user without a name.
READ_ONLY_ROOT = """
import dataclasses, os, sys
from sandbox import kernel, root, runtime
found = runtime.find_runtime()
prefixes = (sys.prefix, sys.base_prefix)
whole = dict.fromkeys((*prefixes, *map(os.path.realpath, prefixes)))
visible = [path for path in found.visible if not path.startswith(tuple(folder + "/" for folder in whole))]
kernel.unshare(kernel.CLONE_NEWNS)
root.enter_new_root(dataclasses.replace(found, visible=(*visible, *whole)))
os.setgroups([])
os.setresgid(10001, 10001, 10001)
os.setresuid(10001, 10001, 10001)
kernel.set_dumpable(True)
os.environ["HOME"] = "/nonexistent"
os.environ["TMPDIR"] = root.SCRATCH
"""

# Then: no capabilities, no new ones, and the container's filter; {program} is the filter's bytes in hex.
ENTER = """
import ctypes, struct
from sandbox import kernel
kernel.drop_capabilities()
kernel.set_no_new_privileges()
program = bytes.fromhex({program!r})
buffer = ctypes.create_string_buffer(program, len(program))
kernel.syscall("seccomp", 1, 0, struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer)))
"""


def number_of(name: str) -> int | None:
    """A call's number on this machine; None when neither its headers nor libseccomp know it."""
    machine = platform.machine()
    found = from_headers(machine).get(name)
    if found is None and (ask := from_libseccomp()) is not None:
        found = ask(machine, name)
    return found if found is not None and found >= 0 else None


def docker_default() -> bytes:
    """A filter that denies what Docker's default profile denies, and allows the rest."""
    deny, allow = seccomp._return(_ERRNO | EPERM), seccomp._return(_ALLOW)
    program = _head()
    for name in _DENIED_BY_DOCKER.split():
        if (number := number_of(name)) is not None:
            program += seccomp._when(number, [deny])
    program += _when_named("clone", [seccomp._argument(0), _any_bit(_NAMESPACES), deny, allow])
    program += _when_named("clone3", [seccomp._return(_ERRNO | 38)])
    return b"".join([*program, allow])


def from_profile(path: Path) -> bytes:
    """The filter of a profile in Docker's JSON, as far as ours go: names, equal arguments, error numbers."""
    profile = json.loads(path.read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    program = _head()
    for entry in profile["syscalls"]:
        for name in entry["names"]:
            program += _when_named(name, _rule(entry))
    return b"".join([*program, seccomp._return(_ERRNO | profile["defaultErrnoRet"])])


def _rule(entry: dict[str, Any]) -> list[bytes]:
    allow = seccomp._return(_ALLOW)
    if entry["action"] == "SCMP_ACT_ERRNO":
        return [seccomp._return(_ERRNO | entry["errnoRet"])]
    if "args" not in entry:
        return [allow]
    (argument,) = entry["args"]
    assert argument["op"] == "SCMP_CMP_EQ"
    # not equal: on to the entries that follow, with the call's number where it was
    return [
        seccomp._argument(argument["index"]),
        *seccomp._when(argument["value"], [allow]),
        seccomp._load(seccomp._NR),
    ]


def _head() -> list[bytes]:
    arch = MACHINES[platform.machine()].audit_arch
    kill = seccomp._return(_KILL)
    return [
        seccomp._load(seccomp._ARCH),
        seccomp._jump(seccomp._JUMP_EQUAL, arch, 1, 0),
        kill,
        seccomp._load(seccomp._NR),
    ]


def _when_named(name: str, rule: list[bytes]) -> list[bytes]:
    number = number_of(name)
    return [] if number is None else seccomp._when(number, rule)


def _any_bit(bits: int) -> bytes:
    return seccomp._jump(seccomp._JUMP_ANY_BIT, bits, 0, 1)
