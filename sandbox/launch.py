"""The first process of a sandbox: gives up root, moves into a world of its own, becomes the zygote.

Each step is tried in a throwaway child first. A host that forbids one so leaves no half-built jail behind,
only a reason, which the zygote hands on to the app.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

from sandbox import kernel
from sandbox.host import LEVELS
from sandbox.root import enter_new_root
from sandbox.runtime import Runtime

# A number that no account has, so that not even `nobody`'s other processes share an owner with ours.
UNPRIVILEGED = 64_999

# -I -S: neither the environment nor a .pth file nor the working directory adds to the import path.
PYTHON_OPTIONS = ("-I", "-S", "-B", "-X", "utf8")
_BOOT = (
    "import sys, json; given = json.loads(sys.argv[1]); sys.path += given['runtime']['import_path'];"
    "from sandbox.{module} import main; sys.exit(main(sys.argv[1]))"
)
ENVIRONMENT = {
    "HOME": "/nonexistent",
    "PATH": "/nonexistent",
    "LANG": "C.UTF-8",
    # One thread each: a fork after a parallel region hangs, and two threads on a busy machine only spin.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "4",  # torch.set_num_threads(64) must not run into the limit on threads and abort
    "TORCH_COMPILE_DISABLE": "1",  # its workers would need fork; read when called, so children need it too
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What the launcher is told, and what it tells the zygote."""

    runtime: Runtime
    secret: str  # a file that everybody may read, for the self-test to try and get at
    ceiling: str = LEVELS[0]  # the best level to try for
    then: str = "zygote"  # the module that goes on once everything is entered
    without: tuple[str, ...] = ()  # layers that a test leaves out
    namespaces: bool = False  # whether the zygote got namespaces of its own
    reasons: dict[str, str] = field(default_factory=dict)  # a layer that is missing -> why

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Start:
        data = json.loads(text)
        data["runtime"] = Runtime.from_json(json.dumps(data["runtime"]))
        return cls(**{**data, "without": tuple(data["without"])})


def command(start: Start, *, module: str = "launch", executable: str | None = None) -> list[str]:
    python = executable or start.runtime.executable
    return [python, *PYTHON_OPTIONS, "-c", _BOOT.format(module=module), start.to_json()]


class Unreadable(Exception):
    """Root would have to stay root: nobody else may read what the jail needs."""


def main(text: str) -> int:
    start = Start.from_json(text)
    try:
        return _launch(start)
    except Unreadable as error:
        os.write(2, f"{error}\n".encode())
        return 1


def _launch(start: Start) -> int:
    reasons = dict(start.reasons)
    if not kernel.LINUX and os.geteuid() == 0:
        raise Unreadable("Runs may not be root's. Start Overfit as an ordinary user.")
    if os.geteuid() == 0:
        reasons |= _give_up_root(start.runtime)
    namespaces = False
    if start.ceiling == "namespaces" and "namespaces" not in start.without:
        in_root = os.getuid() == UNPRIVILEGED and "root" not in reasons
        build = None if in_root else start.runtime
        reason = _rehearsed(lambda: _enter_namespaces(build))
        if reason:
            reasons["namespaces"] = reason
        else:
            _enter_namespaces(build)
            namespaces = True
    ready = replace(start, namespaces=namespaces, reasons=reasons)
    return _become_first(ready) if namespaces else _become(ready)


def _give_up_root(runtime: Runtime) -> dict[str, str]:
    """From root to an ordinary user, inside a root where python can be read by everyone.

    Raises Unreadable. A container may forbid the new root, or even becoming somebody else: then it says why.
    """
    reasons = {}
    if reason := _rehearsed(lambda: _move_out(runtime)):
        reasons["root"] = reason
    else:
        _move_out(runtime)
    try:
        _become_unprivileged(runtime)
    except OSError as error:
        reasons["user"] = str(error)
    return reasons


def _move_out(runtime: Runtime) -> None:
    kernel.unshare(kernel.CLONE_NEWNS)
    enter_new_root(runtime)


def _become_unprivileged(runtime: Runtime) -> None:
    os.setgroups([])
    os.setresgid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED)
    os.setresuid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED)
    kernel.set_dumpable(True)  # lost with the change of user, and needed to write uid_map
    for path in (*runtime.visible, runtime.package):
        if not os.access(path, os.R_OK):
            remedy = f"Type: chmod -R go+rX {path}"
            raise Unreadable(f"Runs may not be root's, and nobody else may read {path}. {remedy}")


def _enter_namespaces(build: Runtime | None) -> None:
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(
        kernel.CLONE_NEWUSER
        | kernel.CLONE_NEWNS
        | kernel.CLONE_NEWPID
        | kernel.CLONE_NEWNET
        | kernel.CLONE_NEWIPC
        | kernel.CLONE_NEWUTS
        | kernel.CLONE_NEWCGROUP
    )
    kernel.map_user(inside=0, user=user, group=group)
    if build is not None:
        enter_new_root(build)


def _become_first(start: Start) -> int:
    """Process 1 of the new namespace becomes the zygote; when it dies, the kernel kills all that is in it."""
    child = os.fork()
    if child == 0:
        kernel.die_with_parent()
        # A /proc of our own namespace where allowed; else the host's, which only trusted processes see.
        try:
            kernel.mount(
                "proc", "/proc", kind="proc", flags=kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
            )
        except OSError as error:
            start.reasons["proc"] = str(error)
        _become(start)
    os.close(0)
    os.close(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) & 0xFF


def _become(start: Start) -> int:
    arguments = command(start, module=start.then)
    os.execve(arguments[0], arguments, dict(os.environ))


def _rehearsed(step: Callable[[], None]) -> str:
    """Does `step` in a child that is thrown away; '' if it went well, else why not."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            step()
            status = 0
        except OSError as error:
            os.write(writing, str(error).encode())
        except BaseException:
            os.write(writing, traceback.format_exc().encode())
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as pipe:
        reason = pipe.read(4096)
    _, status = os.waitpid(child, 0)
    return reason or ("" if status == 0 else f"ended with status {status}")
