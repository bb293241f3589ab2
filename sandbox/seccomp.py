"""The allow-list of sandbox/syscalls.py, assembled by hand into a BPF program: no library, two machines.

Everything not named here fails with EPERM, so that Python raises an exception with a line number
instead of dying; only a foreign calling convention (32-bit, x32) kills. clone3 fails with ENOSYS,
because its flags lie behind a pointer that no filter can read: glibc then falls back to clone.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from errno import ENOSYS, EPERM

from sandbox import kernel, syscalls

_SET_MODE_FILTER, _FILTER_FLAG_TSYNC = 1, 1
_RET_KILL_PROCESS, _RET_ERRNO, _RET_ALLOW = 0x80000000, 0x00050000, 0x7FFF0000

# struct seccomp_data: int nr; u32 arch; u64 instruction_pointer; u64 args[6] (little-endian)
_NR, _ARCH, _ARGS = 0, 4, 16
_LOAD, _JUMP_EQUAL, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06


@dataclass(frozen=True, slots=True)
class Machine:
    """How one architecture numbers its calls."""

    audit_arch: int
    allowed: Mapping[str, int]
    filtered: Mapping[str, int]
    x32: bool = False  # the x86-64 kernel takes a second ABI: the same arch, bit 30 set in the number


MACHINES: Mapping[str, Machine] = {
    name: Machine(
        audit_arch=audit_arch,
        allowed=syscalls.ALLOWED[name],
        filtered=syscalls.FILTERED[name],
        x32=name == "x86_64",
    )
    for name, audit_arch in (("x86_64", 0xC000003E), ("aarch64", 0xC00000B7))
}

_MAP_SHARED = 0x01  # also in MAP_SHARED_VALIDATE
_CLONE_THREAD = 0x00010000
_CLONE_NEW_ANYTHING = 0x7E020080  # NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_IOCTLS = (
    0x5401,
    0x5413,
    0x541B,
    0x5421,
    0x5450,
    0x5451,
)  # TCGETS TIOCGWINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX
_FCNTLS = (0, 1, 2, 3, 4, 1030)  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC
_PRCTLS = (
    3,
    15,
    16,
    0x53564D41,
)  # PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_SET_VMA: a name for a mapping


def supported() -> bool:
    """Whether this machine has a table and this kernel takes filters."""
    if kernel.machine() not in MACHINES:
        return False
    try:  # a null program: EFAULT from a kernel that would take one
        kernel.syscall("seccomp", _SET_MODE_FILTER, 0, None)
    except OSError as error:
        return error.errno == 14
    return False


def install(*, pid: int, receives_descriptors: bool = False) -> None:
    """Puts the filter over every thread of this process, whose number in its own namespace is `pid`.

    Needs no_new_privs. `receives_descriptors` allows recvmsg, for the examiner alone.
    """
    program = assemble(MACHINES[kernel.machine()], pid=pid, receives_descriptors=receives_descriptors)
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: u16 length, then a pointer at its natural alignment
    fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    kernel.syscall("seccomp", _SET_MODE_FILTER, _FILTER_FLAG_TSYNC, fprog)


def assemble(machine: Machine, *, pid: int, receives_descriptors: bool = False) -> bytes:
    """The program's bytes: eight for each instruction."""
    deny = _return(_RET_ERRNO | EPERM)
    kill = _return(_RET_KILL_PROCESS)
    program = [_load(_ARCH), _jump(_JUMP_EQUAL, machine.audit_arch, 1, 0), kill, _load(_NR)]
    if machine.x32:
        program += [_jump(_JUMP_ANY_BIT, 0x40000000, 0, 1), kill]
    for number in machine.allowed.values():
        program += _when(number, [_return(_RET_ALLOW)])
    for name, rule in _rules(pid=pid, deny=deny, receives_descriptors=receives_descriptors).items():
        program += _when(machine.filtered[name], rule)
    return b"".join([*program, deny])


def _rules(*, pid: int, deny: bytes, receives_descriptors: bool) -> dict[str, list[bytes]]:
    """What a call's arguments must be; each rule ends in a return of its own."""
    allow = _return(_RET_ALLOW)
    return {
        # Shared memory that is unmapped but for a page, or dropped by madvise, is still held, and no count
        # of a process tells it; neither does RLIMIT_AS.
        "mmap": [_argument(3), _jump(_JUMP_ANY_BIT, _MAP_SHARED, 0, 1), deny, allow],
        "clone": [
            _argument(0),
            _jump(_JUMP_ANY_BIT, _CLONE_NEW_ANYTHING, 1, 0),
            _jump(_JUMP_ANY_BIT, _CLONE_THREAD, 1, 0),
            deny,
            allow,
        ],
        "clone3": [_return(_RET_ERRNO | ENOSYS)],
        "prlimit64": [  # reading: the pointer to new limits is null, in both its halves
            _argument(2),
            _jump(_JUMP_EQUAL, 0, 0, 3),
            _argument(2, high=True),
            _jump(_JUMP_EQUAL, 0, 0, 1),
            allow,
            deny,
        ],
        "tgkill": _one_of(0, (pid,), deny=deny),
        "ioctl": _one_of(1, _IOCTLS, deny=deny),
        "prctl": _one_of(0, _PRCTLS, deny=deny),
        "fcntl": _one_of(1, _FCNTLS, deny=deny),
        "recvmsg": [allow if receives_descriptors else deny],
    }


def _one_of(index: int, values: Iterable[int], *, deny: bytes) -> list[bytes]:
    rule = [_argument(index)]
    for value in values:
        rule += _when(value, [_return(_RET_ALLOW)])
    return [*rule, deny]


def _when(value: int, block: list[bytes]) -> list[bytes]:
    """`block` if the accumulator equals `value`, else what follows."""
    return [_jump(_JUMP_EQUAL, value, 0, len(block)), *block]


def _argument(index: int, *, high: bool = False) -> bytes:
    return _load(_ARGS + 8 * index + (4 if high else 0))


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, 0, 0, offset)


def _jump(kind: int, value: int, if_true: int, if_false: int) -> bytes:
    return _instruction(kind, if_true, if_false, value)


def _return(action: int) -> bytes:
    return _instruction(_RETURN, 0, 0, action)


def _instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
