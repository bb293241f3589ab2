"""Runs one after the other and side by side: neither leaves anything to the next, nor reaches its neighbour."""

from __future__ import annotations

import secrets
import textwrap
from typing import TYPE_CHECKING

import pytest

from sandbox import Limits
from tests.conftest import HARMLESS
from tests.sandbox.escapes.registry import each, scenario, several

if TYPE_CHECKING:
    from tests.conftest import Jailed

pytestmark = [pytest.mark.jail, pytest.mark.timeout(120)]

_LONG = Limits(wall_s=10)  # where an end of its own is waited for

_FOLDERS = (".", "/tmp", "/scratch", "/dev/shm", "/var/tmp")


@scenario(
    "leave files in /tmp,/dev/shm,/var/tmp",
    "...next run sees none",
    held_by="each process has a scratch of its own, or none",
)
def test_a_file_left_behind_is_gone_in_the_next_run(jail: Jailed) -> None:
    first = jail.attack(
        f"""
        for folder in {_FOLDERS}:
            try:
                open(folder + "/left", "w").write("left")
                print("left in", folder)
            except OSError:
                pass
    """,
        limits=_LONG,
    )
    second = jail.attack(
        f"""
        import os
        for folder in {_FOLDERS}:
            if os.path.exists(folder + "/left"):
                print("found in", folder)
    """,
        limits=_LONG,
    )
    assert second.text() == ""
    assert jail.sandbox.level != "namespaces" or "left in .\n" in first.text()


@scenario(
    "poison torch in memory",
    "...next run is clean",
    held_by="each process is a fork of a zygote that ran nothing",
)
def test_torch_spoilt_in_memory_is_whole_in_the_next_run(jail: Jailed) -> None:
    jail.attack(
        """
        import torch, builtins, gc
        torch.nn.Linear.forward = lambda self, x: 1 / 0
        torch.nn.functional.cross_entropy = None
        torch.set_default_dtype(torch.float16)
        torch.use_deterministic_algorithms(True)
        gc.set_threshold(1)
        builtins.print = None
    """,
        limits=_LONG,
    )
    ran = jail.attack(
        """
        import torch, gc
        print(torch.nn.Linear(2, 3)(torch.ones(1, 2)).shape, torch.nn.functional.cross_entropy is None)
        print(torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled(), gc.get_threshold()[0] > 1)
    """,
        limits=_LONG,
    )
    assert ran.text() == "torch.Size([1, 3]) False\ntorch.float32 False True\n"


@scenario(held_by="each process is a fork; a page that is written is copied")
def test_the_memory_of_a_library_overwritten_is_whole_in_the_next_run(jail: Jailed) -> None:
    broken = jail.attack(
        """
        import ctypes
        libc = ctypes.CDLL(None)
        at = ctypes.cast(libc.getpid, ctypes.c_void_p).value
        libc.mprotect(ctypes.c_void_p(at // 4096 * 4096), 8192, 7)
        ctypes.memset(at, 0xC3, 1)  # getpid returns at once, with whatever there is
        print("overwritten")
    """,
        limits=_LONG,
    )
    assert broken.text() == "overwritten\n"
    assert jail.attack("import os\nprint(os.getpid() > 0)", limits=_LONG).text() == "True\n"


@scenario(held_by="a process for each call of the sandbox")
def test_what_one_process_of_a_run_leaves_the_next_one_does_not_find(jail: Jailed) -> None:
    """The visible run and the examined one are two processes."""
    ran = jail.attack(
        """
        import sys
        sys.left = "left"
        try:
            open("left", "w").write("left")
        except OSError:
            pass
    """,
        limits=_LONG,
    )
    assert ran.verdict["outcome"] == "failed"
    looking = (
        "import os, sys\nif hasattr(sys, 'left') or os.path.exists('left'):\n    raise SystemExit('found')\n"
    )
    ran = jail.run(
        looking + "sys.left = 1\nopen('left', 'w') if os.access('.', os.W_OK) else None\nprint('clean')"
    )
    assert ran.text() == "clean\n"


@scenario(held_by="namespaces, Landlock and the filter: see the attempts")
def test_two_runs_at_once_find_nothing_of_each_other(jail: Jailed) -> None:
    token = secrets.token_hex(8)
    holding, held = jail.start(
        f"""
import os, time
held = ["token_{token}"] * 1000
try:
    open("token_{token}", "w").write("x")
except OSError:
    pass
print("holding", flush=True)
time.sleep(20)
""",
        limits=Limits(wall_s=20),
    )
    ran = jail.attack(
        """
        import os
        for folder in (".", "/tmp", "/scratch", "/proc", "/dev/shm", "/dev/mqueue", "/run"):
            try:
                print(*(name for name in os.listdir(folder) if "token" in name or name.isdigit()))
            except OSError:
                pass
    """,
        limits=_LONG,
    )
    alive = not holding.done()
    holding.cancel()
    assert ran.text().strip() == "" and alive and held.events


FLOODS = several(
    "neighbours",
    {
        "flood its output beside another run": "while True: print('x' * 100)",
        "flood its scratch beside another run": """
            import os
            while True:
                try:
                    with open("file", "wb") as file:
                        file.write(b"x" * (15 << 20))
                except OSError:
                    pass
        """,
        "hoard memory beside another run": "held = []\nwhile True: held.append(bytearray(16 << 20))",
        "spin in many threads beside another run": """
            import threading
            def spin():
                while True:
                    pass
            for _ in range(12):
                threading.Thread(target=spin, daemon=True).start()
            spin()
        """,
        "crash beside another run": "import ctypes\nctypes.string_at(0)",
    },
    held_by="each run has its own supervisor, limits and deadline",
)


@each(FLOODS, core=2)
def test_a_neighbour_that_misbehaves_changes_nothing_of_a_run(jail: Jailed, attack: str) -> None:
    flood, _ = jail.start(HARMLESS + textwrap.indent(textwrap.dedent(attack), "    "), probes="")
    ran = jail.attack("import torch\nprint(float(torch.ones(100, 100).sum()))", limits=Limits(wall_s=20))
    assert flood.result(timeout=60).fault is None
    assert (ran.text(), ran.failure) == ("10000.0\n", "")
