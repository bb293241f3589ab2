"""The jails that are attacked, by name: levels, users, layers left out; and what they are aimed at."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sandbox import Limits
from sandbox.host import LAYERS
from tests.conftest import Jailed
from tests.sandbox.escapes import inside
from tests.sandbox.escapes.inside import Target
from tests.sandbox.escapes.registry import ATTEMPTS, Attempt

CHECKOUT = Path(__file__).parents[3]
AS_ROOT = os.getuid() == 0
# as an ordinary user: this one, or, for root, one that it becomes
AS_USER: tuple[str, ...] = (
    (sys.executable, "-I", str(Path(__file__).with_name("become.py"))) if AS_ROOT else ()
)
KINDS: dict[str, dict[str, Any]] = {
    "best": {},
    "landlock": {"start_level": "landlock"},
    "best, ordinary user": {"started_by": AS_USER},
    "landlock, ordinary user": {"start_level": "landlock", "started_by": AS_USER},
    "nothing": {"without": LAYERS, "started_by": AS_USER},
}
KINDS |= {
    f"{layer} alone": {"without": tuple(other for other in LAYERS if other != layer), "started_by": AS_USER}
    for layer in LAYERS
}
KINDS |= {
    "all but seccomp": {"without": ("seccomp",), "started_by": AS_USER},
    "all but limits": {"without": ("limits",), "started_by": AS_USER},
    "all but namespaces and landlock": {"without": ("namespaces", "landlock"), "started_by": AS_USER},
}
LEVELS = tuple(KINDS)[:4]
Results = dict[str, dict[str, Any]]

_PRELUDE = Path(inside.__file__).read_text().partition("from __future__ import annotations\n")[2]
_LIMITS = Limits(wall_s=30)


class Jails:
    """Each jail of `KINDS`, started when it is first asked for, and what attempts came to in it.

    Those with layers left out are closed at once: their processes would count against others' limits.
    """

    def __init__(self, best: Jailed | None = None) -> None:
        self._jails: dict[str, Jailed] = {"best": best} if best else {}
        self._given = set(self._jails)
        self._results: dict[str, Results] = {}
        self.levels: dict[str, str] = {}  # that were found

    def __getitem__(self, kind: str) -> Jailed:
        if kind not in self._jails:
            jailed = self._jails[kind] = Jailed(slots=2, **KINDS[kind])
            jailed.wait(jailed.sandbox.warm())
        return self._jails[kind]

    def results(self, kind: str) -> Results:
        """What every attempt came to."""
        if kind not in self._results:
            with aim(as_user=bool(KINDS[kind].get("started_by"))) as target:
                self._results[kind] = _attempt_all(self[kind], target)
            self.levels[kind] = self[kind].sandbox.level
            if kind not in LEVELS:
                self._jails.pop(kind).close()
        return self._results[kind]

    def close(self) -> None:
        for kind in set(self._jails) - self._given:
            self._jails.pop(kind).close()


def _attempt_all(jailed: Jailed, target: Target) -> Results:
    found: Results = {}
    groups = dict.fromkeys(attempt.group for attempt in ATTEMPTS.values())
    together = [a for a in ATTEMPTS.values() if not a.alone]
    for attempts in [[a for a in together if a.group == group] for group in groups]:
        ran = jailed.attack(_program(attempts, target), limits=_LIMITS)
        assert ran.text(), (ran.outcome, ran.text("stderr"))
        found |= json.loads(ran.text().splitlines()[-1])
    for attempt in ATTEMPTS.values():
        if attempt.alone:
            ran = jailed.attack(_program([attempt], target), limits=_LIMITS)
            killed = {"got": None, "errno": 0, "detail": ran.failure, "broken": ran.failure != "killed"}
            found |= json.loads(ran.text().splitlines()[-1]) if ran.text() else {attempt.name: killed}
    return found


def _program(attempts: list[Attempt], target: Target) -> str:
    names = ", ".join(attempt.function.__name__ for attempt in attempts)
    parts = [_PRELUDE, f"target = Target(**{asdict(target)!r})", *(attempt.source for attempt in attempts)]
    return textwrap.dedent("\n\n".join([*parts, f"attempt_all([{names}])"]))


@contextmanager
def aim(*, as_user: bool) -> Iterator[Target]:
    """Things to get at, on this host, while attempts are made."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="overfit-target-"))
        stack.callback(shutil.rmtree, folder)
        folder.chmod(0o777)
        secret, pipe = folder / "secret", folder / "pipe"
        secret.write_text("every attempt of everybody")
        secret.chmod(0o666)
        os.mkfifo(pipe)
        pipe.chmod(0o666)
        victim = subprocess.Popen([*(AS_USER if as_user else ()), shutil.which("sleep") or "sleep", "600"])
        stack.callback(victim.wait)
        stack.callback(victim.kill)
        while (
            Path(f"/proc/{victim.pid}/comm").read_text() != "sleep\n"
        ):  # root is still becoming somebody else
            time.sleep(0.01)
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        path_socket = stack.enter_context(_listening(str(folder / "socket")))
        (folder / "socket").chmod(0o777)
        abstract_socket = stack.enter_context(_listening(f"\0overfit-{os.getpid()}"))
        yield Target(
            folder=str(folder),
            secret=str(secret),
            pipe=str(pipe),
            checkout=str(CHECKOUT),
            victim=victim.pid,
            port=server.getsockname()[1],
            path_socket=path_socket.getsockname(),
            abstract_socket=f"\0overfit-{os.getpid()}" if abstract_socket else "",
        )


def _listening(name: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(name)
    listening.listen()
    return listening
