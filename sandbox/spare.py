"""One warm process of a pool: waits for one thing to do, does it, ends.

It stands in for a fork where torch can't be forked. Its descriptor 0 is the line to its supervisor: the order
comes over it, and whichever of the two ends first, the other sees it close.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from contextlib import suppress

from sandbox import kernel
from sandbox.bodies import WORKERS, Work
from sandbox.child import run
from sandbox.lines import encode
from sandbox.preload import warm

_LINE_AT = 127  # out of the way of the descriptors that a body is given
_ORDER_BYTES = 64 << 10
_MOST_FILES = 8


def main(text: str) -> int:
    if kernel.LINUX:
        kernel.die_with_parent()
    line = socket.socket(fileno=os.dup(0))
    order, files = b"", list[int]()
    with suppress(OSError):
        line.sendall(encode({"warm": warm(WORKERS)}))
        order, files = _receive(line)
    if not order:  # nobody needed it; without the second that torch takes to end
        os._exit(0)
    work = Work.from_json(json.loads(order))
    os.dup2(line.fileno(), _LINE_AT)
    threading.Thread(target=_end_with_the_supervisor, daemon=True).start()
    run(lambda: _begin(work), files, kept=(_LINE_AT,))


def _begin(work: Work) -> int:
    """Python took its own standard streams for what they were when it started: they are pipes by now."""
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    return work()


def _receive(line: socket.socket) -> tuple[bytes, list[int]]:
    order, files = b"", list[int]()
    while not order.endswith(b"\n"):
        data, more, _, _ = socket.recv_fds(line, _ORDER_BYTES, _MOST_FILES)
        if not data:
            return b"", []
        order += data
        files += more
    return order, files


def _end_with_the_supervisor() -> None:
    """What PR_SET_PDEATHSIG does on Linux: nothing outlives the supervisor."""
    os.read(_LINE_AT, 1)
    os._exit(1)
