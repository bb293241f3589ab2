"""The allow-list of system calls, assembled by hand into a BPF program: no library, two machines.

Everything not named here fails with EPERM, so that Python raises an exception with a line number
instead of dying; only a foreign calling convention (32-bit, x32) kills. clone3 fails with ENOSYS,
because its flags lie behind a pointer that no filter can read: glibc then falls back to clone.
The numbers are those of arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from errno import ENOSYS, EPERM

from sandbox import kernel

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


# In the order the filter compares in: what a training loop calls first, then files by descriptor and by
# name, threads and signals to oneself, questions about oneself.
_X86_64_ALLOWED = """
    futex 202  read 0  write 1  mmap 9  munmap 11  madvise 28  brk 12  mprotect 10  mremap 25
    sched_yield 24  clock_gettime 228  getpid 39  gettid 186  getrusage 98
    readv 19  writev 20  pread64 17  pwrite64 18  close 3  close_range 436  lseek 8  dup 32  dup2 33
    dup3 292  pipe2 293  fstat 5  newfstatat 262  stat 4  lstat 6  statx 332  access 21  faccessat 269
    faccessat2 439  openat 257  open 2  readlink 89  readlinkat 267  getdents64 217  getcwd 79  chdir 80
    umask 95  mkdir 83  mkdirat 258  rmdir 84  unlink 87  unlinkat 263  rename 82  renameat 264
    renameat2 316  ftruncate 77  fsync 74  poll 7  ppoll 271
    set_robust_list 273  rseq 334  set_tid_address 218  membarrier 324  sched_getaffinity 204
    getcpu 309  rt_sigaction 13  rt_sigprocmask 14  rt_sigreturn 15  sigaltstack 131
    restart_syscall 219  nanosleep 35  clock_nanosleep 230
    clock_getres 229  gettimeofday 96  times 100  getppid 110  getuid 102  geteuid 107  getgid 104
    getegid 108  getrlimit 97  uname 63  sysinfo 99  getrandom 318  arch_prctl 158  exit 60
    exit_group 231
"""
_AARCH64_ALLOWED = """
    futex 98  read 63  write 64  mmap 222  munmap 215  madvise 233  brk 214  mprotect 226  mremap 216
    sched_yield 124  clock_gettime 113  getpid 172  gettid 178  getrusage 165  readv 65  writev 66
    pread64 67  pwrite64 68  close 57  close_range 436  lseek 62  dup 23  dup3 24  pipe2 59  fstat 80
    newfstatat 79  statx 291  faccessat 48  faccessat2 439  openat 56  readlinkat 78  getdents64 61
    getcwd 17  chdir 49  umask 166  mkdirat 34  unlinkat 35  renameat 38  renameat2 276  ftruncate 46
    fsync 82  ppoll 73  set_robust_list 99  rseq 293  set_tid_address 96  membarrier 283
    sched_getaffinity 123  getcpu 168  rt_sigaction 134  rt_sigprocmask 135  rt_sigreturn 139
    sigaltstack 132  restart_syscall 128  nanosleep 101  clock_nanosleep 115  clock_getres 114
    gettimeofday 169  times 153  getppid 173  getuid 174  geteuid 175  getgid 176  getegid 177
    getrlimit 163  uname 160  sysinfo 179  getrandom 278  exit 93  exit_group 94
"""
_X86_64_FILTERED = (
    "clone 56  clone3 435  prlimit64 302  tgkill 234  ioctl 16  prctl 157  fcntl 72  recvmsg 47"
)
_AARCH64_FILTERED = (
    "clone 220  clone3 435  prlimit64 261  tgkill 131  ioctl 29  prctl 167  fcntl 25  recvmsg 212"
)


def _numbered(table: str) -> dict[str, int]:
    words = table.split()
    return {name: int(number) for name, number in zip(words[::2], words[1::2], strict=True)}


MACHINES: Mapping[str, Machine] = {
    "x86_64": Machine(
        audit_arch=0xC000003E,
        allowed=_numbered(_X86_64_ALLOWED),
        filtered=_numbered(_X86_64_FILTERED),
        x32=True,
    ),
    "aarch64": Machine(
        audit_arch=0xC00000B7,
        allowed=_numbered(_AARCH64_ALLOWED),
        filtered=_numbered(_AARCH64_FILTERED),
    ),
}

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
