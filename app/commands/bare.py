"""The yardstick of `overfit bench`: a process with torch as warm as the judge's, and no jail around it.

Started with an interpreter and this file's path. It reads a program on its first line as JSON, then a
command a line, and answers each with the milliseconds it took: `run` executes the program as __main__,
`fork` forks, does nothing and reaps.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable


def main() -> None:
    from sandbox.preload import warm

    program = compile(json.loads(sys.stdin.readline()), "gpt.py", "exec")
    warm(())
    commands: dict[str, Callable[[], None]] = {"run": lambda: _run(program), "fork": _fork}
    _answer("ready")
    for line in sys.stdin:
        started = time.perf_counter()
        commands[line.strip()]()
        _answer(1000 * (time.perf_counter() - started))


def _run(program: object) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        exec(program, {"__name__": "__main__"})  # type: ignore[arg-type]


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _answer(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
