"""Time, memory and threads: what a run takes is taken away when it is too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import Limits
from sandbox.job import MIB
from tests.sandbox.escapes.registry import each, scenario, several

if TYPE_CHECKING:
    from tests.conftest import Jailed
    from tests.sandbox.escapes.jails import Jails

pytestmark = [pytest.mark.jail, pytest.mark.timeout(120)]

_LONG = Limits(wall_s=10)  # where an end of its own is waited for

_SMALL = Limits(wall_s=10, memory_bytes=192 * MIB)

HOARDS = several(
    "resources",
    {
        "hoard bytes": """
            held = []
            while True:
                held.append(bytearray(16 << 20))
        """,
        "hoard tensors": """
            import torch
            held = []
            while True:
                held.append(torch.ones(4 << 20))
        """,
        "hoard page tables by looking at single pages far apart": """
            import ctypes
            libc = ctypes.CDLL(None)
            libc.mmap.restype = ctypes.c_size_t
            libc.mmap.argtypes = [ctypes.c_size_t] * 6
            for number in range(1, 60_000):
                page = libc.mmap((number << 31) - 4096, 8192, 1, 0x22, 2**64 - 1, 0)
                ctypes.string_at(page, 1), ctypes.string_at(page + 4096, 1)
        """,
        "hoard memory behind a first thread that has ended": """
            import ctypes, platform, threading
            def hoard():
                held = []
                while True:
                    held.append(bytearray(16 << 20))
            threading.Thread(target=hoard).start()
            ctypes.CDLL(None).syscall(60 if platform.machine() == "x86_64" else 93, 0)
        """,
        "hoard memory under a name that looks like a small number": r"""
            import ctypes
            ctypes.CDLL(None).prctl(15, b"x\nRssAnon:\t0 kB", 0, 0, 0)
            held = []
            while True:
                held.append(bytearray(16 << 20))
        """,
        "hoard one string that doubles": """
            held = "x"
            while True:
                held += held
        """,
    },
    rows={
        "hoard bytes": ("memory bomb bytearray",),
        "hoard tensors": ("memory bomb torch",),
    },
    held_by="the supervisor's measure of memory",
)


@each(HOARDS, core=2)
def test_memory_ends_at_its_limit(jail: Jailed, attack: str) -> None:
    assert jail.attack(attack, limits=_SMALL).failure == "memory"


@scenario("one huge alloc", held_by="RLIMIT_AS")
def test_one_huge_tensor_is_an_exception_with_a_line(jail: Jailed) -> None:
    ran = jail.attack(
        """
        import torch
        torch.zeros(1 << 40)
    """,
        limits=_LONG,
    )
    assert ran.failure in ("exception", "memory")
    assert ran.verdict["failure"]["line"] > 20


ENDLESS = several(
    "resources",
    {
        "loop for ever": "while True: pass",
        "compute for ever in c, where no signal is looked at": "print(len(str(7 ** (1 << 27) % 3 ** (1 << 26))))",
        "sleep for ever": "import time\ntime.sleep(3600)",
        "sleep for ever on a lock that nobody opens": """
            import threading
            lock = threading.Lock()
            lock.acquire()
            lock.acquire()
        """,
        "ignore every signal": """
            import signal, time
            for number in range(1, 65):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            while True:
                time.sleep(1)
        """,
        "stop itself": """
            import ctypes, os, threading
            libc = ctypes.CDLL(None)
            libc.raise_(19) if hasattr(libc, "raise_") else getattr(libc, "raise")(19)
            while True:
                pass
        """,
        "drip its output": """
            import os, time
            while True:
                os.write(1, b"")
                os.write(1, b".")
                time.sleep(0.05)
        """,
        "end its first thread and go on": """
            import ctypes, platform, threading, time
            threading.Thread(target=time.sleep, args=(3600,)).start()
            ctypes.CDLL(None).syscall(60 if platform.machine() == "x86_64" else 93, 0)
        """,
        "be asked for its text for ever": """
            class Endless(Exception):
                def __str__(self):
                    while True:
                        pass
            raise Endless
        """,
    },
    rows={
        "loop for ever": ("infinite loop",),
        "compute for ever in c, where no signal is looked at": (
            "CPU burn in C (bignum, no signals checked)",
        ),
        "sleep for ever": ("sleep forever",),
        "ignore every signal": ("signals ignored",),
        "stop itself": ("SIGSTOP itself",),
        "drip its output": ("write 0 bytes + slow drip output",),
        "be asked for its text for ever": ("exception __str__ loops forever",),
    },
    held_by="the supervisor's clock",
)


@each(ENDLESS, core=2)
def test_time_ends_at_the_deadline(jail: Jailed, attack: str) -> None:
    assert jail.attack(attack).failure in ("timeout", "exception")  # a bignum may be too large for its memory


@scenario(held_by="the supervisor never waits for a pipe")
def test_a_pipe_that_is_emptied_behind_its_back_does_not_keep_the_supervisor(jails: Jails) -> None:
    ran = jails["landlock"].attack(
        """
        import os, time
        reading = os.open("/proc/self/fd/1", os.O_RDONLY | os.O_NONBLOCK)
        for number in range(60):
            os.write(5, b"[1,2]\\n" * 10_000)  # keeps it busy between being told of both pipes and reading
            os.write(1, b"x")
            time.sleep(0.0005 * (number % 12 + 1))
            try:
                os.read(reading, 65536)
            except BlockingIOError:
                pass
            time.sleep(0.02)
        time.sleep(3600)
    """,
        limits=Limits(wall_s=4),
    )
    assert ran.failure == "timeout"


@scenario("RLIMIT_CPU alone (pid1 must still die)", held_by="RLIMIT_CPU, soft and hard alike")
def test_the_kernel_ends_what_computes_too_long_though_signals_are_ignored(jail: Jailed) -> None:
    ran = jail.attack(
        """
        import resource, signal
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        print(resource.getrlimit(resource.RLIMIT_CPU))
    """,
        limits=_LONG,
    )
    assert ran.text() == "(11, 11)\n"  # a second more than the deadline


@scenario("thread bomb", held_by="RLIMIT_NPROC, else the supervisor's count of threads")
def test_a_flood_of_threads_is_stopped(jail: Jailed) -> None:
    ran = jail.attack(
        """
        import threading, time
        threading.stack_size(32 << 10)
        started = 0
        try:
            while started < 5000:
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                started += 1
        except (RuntimeError, MemoryError):
            pass
        time.sleep(0.3)
        print(started)
    """,
        limits=_LONG,
    )
    assert ran.failure == "killed" or int(ran.text()) < Limits().threads


@scenario(held_by="the supervisor's clock; each call has a deadline too")
def test_a_flood_of_threads_during_an_answer_is_stopped(jail: Jailed) -> None:
    ran = jail.run("""
import threading, time
def train(text, steps=1, lr=0.1, seed=0):
    threading.stack_size(32 << 10)
    while True:
        try:
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        except RuntimeError:
            pass
def generate(model, tokenizer, prompt, max_new_tokens):
    return prompt
""")
    assert ran.verdict["outcome"] == "failed"
    assert ran.failure in ("timeout", "killed")


@scenario("threads left running at exit", held_by="os._exit, never the interpreter's own end")
def test_a_run_ends_with_its_first_thread(jail: Jailed) -> None:
    ran = jail.attack(
        """
        import threading, time
        threading.Thread(target=time.sleep, args=(60,)).start()
        print("done")
    """,
        limits=_LONG,
    )
    assert (ran.text(), ran.failure) == ("done\n", "")
