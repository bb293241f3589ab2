"""Real attacks from inside a jail at every start: the level is what they failed to do, not a setting."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import resource
import socket
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox import jail, kernel
from sandbox.child import Nursery
from sandbox.host import Attack
from sandbox.limits import Limits

_LIMITS = Limits(wall_s=10)
_RESULTS = 3  # the descriptor that results leave by
_LEFT_BEHIND = "overfit-left-behind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the attacks are aimed at; an ordinary process of the same user could do all of it."""

    secret: str  # a file of the host that everybody may read
    library: str  # a folder that jailed processes may read
    victim: int  # another process of the same user


def attack_jail(walls: jail.Walls, target: Target, *, nursery: Nursery) -> tuple[Attack, ...]:
    """Runs every attack in a jailed process. Raises OSError when the walls can't be put up at all."""
    _in_jail(walls, _leave_file, nursery)  # an earlier run, for the one attack that looks for its leftovers
    results = _in_jail(walls, lambda: _attack_all(target), nursery)
    return tuple(Attack(**attack) for attack in json.loads(results))


def _in_jail(walls: jail.Walls, work: Callable[[], str], nursery: Nursery) -> bytes:
    reading, writing = os.pipe()
    nothing = os.open("/dev/null", os.O_RDWR)

    def body() -> int:
        try:
            jail.lock(walls, _LIMITS)
        except OSError as error:
            os.write(_RESULTS, b"!" + str(error).encode())
            return 1
        os.write(_RESULTS, work().encode())
        return 0

    child = nursery.fork(body, files=(nothing, nothing, 2, writing), limits=_LIMITS)
    os.close(writing)
    os.close(nothing)
    with os.fdopen(reading, "rb") as pipe:
        results = pipe.read()
    ending = child.reap()
    if results.startswith(b"!") or ending.code != 0:
        raise OSError(f"the jail could not be locked: {results[1:].decode() or ending}")
    return results


def _leave_file() -> str:
    try:
        Path(tempfile.gettempdir(), _LEFT_BEHIND).write_text("left behind")
    except OSError as error:
        return str(error)
    return "left"


def _attack_all(target: Target) -> str:
    return json.dumps([asdict(_attempt(name, target)) for name in _ATTACKS])


def _attempt(name: str, target: Target) -> Attack:
    level, attack = _ATTACKS[name]
    try:
        detail = attack(target)
    except (OSError, ValueError, MemoryError) as error:
        return Attack(name=name, level=level, held=True, detail=str(error))
    except Exception:  # the attack itself is broken: that proves nothing
        detail = traceback.format_exc()[-500:]
    return Attack(name=name, level=level, held=False, detail=detail)


# Each attack returns what it got, or raises what stopped it.


def _read_secret(target: Target) -> str:
    return Path(target.secret).read_text()


def _see_secret(target: Target) -> str:
    return f"{Path(target.secret).stat().st_size} bytes"


def _see_processes(target: Target) -> str:
    seen = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
    if not seen:
        raise ProcessLookupError("no process in sight")
    return f"{len(seen)} processes"


def _read_leftovers(target: Target) -> str:
    return Path(tempfile.gettempdir(), _LEFT_BEHIND).read_text()


def _write_library(target: Target) -> str:
    path = Path(target.library) / "overfit-was-here"
    path.touch()
    path.unlink()
    return str(path)


def _start_process(target: Target) -> str:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return f"process {child}"


def _run_program(target: Target) -> str:
    try:
        os.execv("/nonexistent", ["/nonexistent"])
    except FileNotFoundError:  # it was looked for
        return "execve is open"


def _open_socket(target: Target) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as opened:
        return str(opened)


def _signal_process(target: Target) -> str:
    os.kill(target.victim, 0)
    return f"process {target.victim}"


def _read_memory(target: Target) -> str:
    wanted = ctypes.create_string_buffer(8)
    local = (ctypes.c_size_t * 2)(ctypes.addressof(wanted), 8)
    libc = ctypes.CDLL(None, use_errno=True)
    # The victim was forked from the same process: what lies at an address here lies there too.
    if (
        libc.process_vm_readv(
            target.victim, local, ctypes.c_ulong(1), local, ctypes.c_ulong(1), ctypes.c_ulong(0)
        )
        < 0
    ):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "8 bytes"


def _hide_memory(target: Target) -> str:
    os.close(os.memfd_create("hidden"))
    return "a memory file"


def _make_namespace(target: Target) -> str:
    kernel.unshare(kernel.CLONE_NEWUSER)
    return "a user namespace"


def _take_address_space(target: Target) -> str:
    with mmap.mmap(-1, _LIMITS.address_bytes, mmap.MAP_PRIVATE) as taken:
        return f"{len(taken)} bytes"


def _raise_limit(target: Target) -> str:
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    return "4096 open files"


_ATTACKS: dict[str, tuple[str, Callable[[Target], str]]] = {
    "learn that a file of the host exists": ("namespaces", _see_secret),
    "see another process": ("namespaces", _see_processes),
    "read a file of the host": ("landlock", _read_secret),
    "find what an earlier run left behind": ("landlock", _read_leftovers),
    "write into a library": ("landlock", _write_library),
    "start a process": ("landlock", _start_process),
    "run a program": ("landlock", _run_program),
    "open a socket": ("landlock", _open_socket),
    "signal another process": ("landlock", _signal_process),
    "read another process's memory": ("landlock", _read_memory),
    "hide memory from the limits": ("landlock", _hide_memory),
    "make a namespace": ("landlock", _make_namespace),
    "take more address space than allowed": ("rlimits", _take_address_space),
    "raise its own limits": ("rlimits", _raise_limit),
}
