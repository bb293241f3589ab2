"""The filter, interpreted here as the kernel would: also for the machine that this one isn't."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import seccomp
from sandbox.seccomp import MACHINES, Machine

KILL, DENY, NOT_THERE, ALLOW = 0x80000000, 0x00050001, 0x00050026, 0x7FFF0000
PID = 4711
X86_64, AARCH64 = MACHINES["x86_64"], MACHINES["aarch64"]
machines = pytest.mark.parametrize("machine", [X86_64, AARCH64], ids=["x86_64", "aarch64"])


def verdict(
    machine: Machine, call: str | int, *arguments: int, arch: int | None = None, examiner: bool = False
) -> int:
    """What the program answers to a call: the accumulator machine of classic BPF, six instructions of it."""
    number = call if isinstance(call, int) else {**machine.allowed, **machine.filtered}[call]
    given = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    words = [value & (1 << 64) - 1 for value in given]
    data = struct.pack("<IIQ6Q", number, machine.audit_arch if arch is None else arch, 0, *words)
    program = seccomp.assemble(machine, pid=PID, receives_descriptors=examiner)
    at, accumulator = 0, 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("<HBBI", program, 8 * at)
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif code == 0x15:
            at += if_true if accumulator == value else if_false
        elif code == 0x45:
            at += if_true if accumulator & value else if_false
        elif code == 0x06:
            return int(value)
        else:
            raise AssertionError(f"an instruction we never write: {code:#x}")


@machines
def test_every_call_on_the_list_is_allowed(machine: Machine) -> None:
    assert {verdict(machine, name) for name in machine.allowed} == {ALLOW}


@machines
@given(number=st.integers(0, 0x3FFFFFFF))
def test_every_other_number_is_denied(machine: Machine, number: int) -> None:
    named = {*machine.allowed.values(), *machine.filtered.values()}
    assert number in named or verdict(machine, number) == DENY


@machines
@given(arch=st.integers(0, (1 << 32) - 1), number=st.integers(0, 500))
def test_another_architecture_kills(machine: Machine, arch: int, number: int) -> None:
    assert arch == machine.audit_arch or verdict(machine, number, arch=arch) == KILL


@given(number=st.integers(0x40000000, 0x7FFFFFFF))
def test_the_x32_numbers_kill(number: int) -> None:
    assert verdict(X86_64, number) == KILL


@machines
def test_a_thread_may_be_cloned_and_nothing_else(machine: Machine) -> None:
    thread = 0x003D0F00  # what glibc passes for pthread_create
    assert verdict(machine, "clone", thread) == ALLOW
    assert verdict(machine, "clone", 17) == DENY
    for namespace in (7, 17, *range(25, 31)):  # CLONE_NEWTIME, NEWNS, NEWCGROUP to NEWNET
        assert verdict(machine, "clone", thread | 1 << namespace) == DENY


@machines
def test_memory_is_ones_own(machine: Machine) -> None:
    private, shared, shared_validate = 0x22, 0x21, 0x23
    assert verdict(machine, "mmap", 0, 4096, 3, private) == ALLOW
    assert verdict(machine, "mmap", 0, 4096, 3, shared) == DENY
    assert verdict(machine, "mmap", 0, 4096, 3, shared_validate) == DENY


@machines
def test_clone3_is_said_to_be_missing(machine: Machine) -> None:
    assert verdict(machine, "clone3") == NOT_THERE


@machines
def test_limits_may_be_read_and_never_set(machine: Machine) -> None:
    assert verdict(machine, "prlimit64", 0, 7, 0) == ALLOW
    assert verdict(machine, "prlimit64", 0, 7, 0x7FFF_0000_0000) == DENY
    assert verdict(machine, "prlimit64", 0, 7, 0x1000) == DENY


@machines
def test_a_thread_may_be_signalled_in_ones_own_process_only(machine: Machine) -> None:
    assert verdict(machine, "tgkill", PID, 99, 6) == ALLOW
    assert verdict(machine, "tgkill", 1, 1, 9) == DENY


@machines
@pytest.mark.parametrize(
    ("call", "command", "answer"),
    [
        ("ioctl", 0x5401, ALLOW),  # TCGETS: isatty
        ("ioctl", 0x5412, DENY),  # TIOCSTI
        ("fcntl", 1030, ALLOW),  # F_DUPFD_CLOEXEC
        ("fcntl", 6, DENY),  # F_SETLK
        ("fcntl", 1031, DENY),  # F_SETPIPE_SZ
    ],
)
def test_commands_are_allowed_one_by_one(machine: Machine, call: str, command: int, answer: int) -> None:
    assert verdict(machine, call, 3, command) == answer


@machines
def test_a_process_may_name_its_threads_and_not_change_its_fate(machine: Machine) -> None:
    assert verdict(machine, "prctl", 15) == ALLOW
    for option in (1, 4, 8, 22, 23, 24, 38, 47):  # PDEATHSIG, DUMPABLE, KEEPCAPS, SECCOMP, capabilities
        assert verdict(machine, "prctl", option) == DENY


@machines
def test_only_the_examiner_receives_descriptors(machine: Machine) -> None:
    assert verdict(machine, "recvmsg") == DENY
    assert verdict(machine, "recvmsg", examiner=True) == ALLOW


def test_the_two_machines_allow_the_same_but_for_the_calls_that_only_one_has() -> None:
    old = {"stat", "lstat", "access", "readlink", "mkdir", "rmdir", "unlink", "rename", "dup2", "poll"}
    assert set(X86_64.allowed) - set(AARCH64.allowed) == old
    new = {"faccessat", "readlinkat", "mkdirat", "renameat", "ppoll"}  # rmdir and unlink are unlinkat there
    assert set(AARCH64.allowed) - set(X86_64.allowed) == new
    assert set(X86_64.filtered) == set(AARCH64.filtered)


@machines
def test_no_number_stands_twice(machine: Machine) -> None:
    numbers = [*machine.allowed.values(), *machine.filtered.values()]
    assert len(numbers) == len(set(numbers))


@machines
def test_no_call_that_leaves_the_process_is_on_the_list(machine: Machine) -> None:
    leaving = "fork vfork execve execveat socket connect sendmsg kill ptrace mount unshare setns memfd_create"
    assert not set(leaving.split()) & {*machine.allowed, *machine.filtered}
