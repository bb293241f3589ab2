"""However a program ends, or fails to be one, there is a verdict, and never a fault of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import Limits
from sandbox.job import IssuedBug
from tests.sandbox.conftest import PROBLEM
from tests.sandbox.escapes.registry import each, scenario, several

if TYPE_CHECKING:
    from tests.conftest import Jailed

pytestmark = [pytest.mark.jail, pytest.mark.timeout(120)]

_LONG = Limits(wall_s=10)  # where an end of its own is waited for

_BUGS = (  # with one issued, the examiner reads the text and composes programs of it
    IssuedBug(
        id="step", component="loop", properties=("parameters_move",), find="optimizer.step()", replace="pass"
    ),
)

ENDINGS = several(
    "endings",
    {
        "end by a bad address": "import ctypes\nctypes.string_at(0)",
        "end by aborting": "import os\nos.abort()",
        "end by a python recursion": "f = lambda: f()\nf()",
        "end by a recursion in c": (
            "import sys\nsys.setrecursionlimit(1 << 30)\nheld = ()\nfor _ in range(1 << 20): held = (held,)\nisinstance(1, held)"
        ),
        "end by a text that raises": "class E(Exception):\n    def __str__(self): return 1 / 0\nraise E",
        "end with a hook that never ends": "import atexit, time\natexit.register(time.sleep, 60)\nprint('done')",
        "end with status 3": "import sys\nsys.exit(3)",
        "end with a status of 20 digits": "import sys\nsys.exit(1 << 70)",
        "end with a status that raises": "import sys\nclass E:\n    def __str__(self): raise SystemExit\nsys.exit(E())",
        "end without streams": "import sys\nsys.stdout = sys.stderr = None\nraise ValueError",
        "end with streams that lie": (
            "import sys\nclass S:\n    def __getattr__(self, name): raise SystemExit(0)\nsys.stdout = sys.stderr = S()"
        ),
        "end without print": "del __builtins__.__dict__['print']\nprint(1)",
        "end with every function of the sandbox made to do nothing": (
            "import gc, types\nnothing = (lambda *a, **k: None).__code__\nfor thing in gc.get_objects():\n"
            "    if isinstance(thing, types.FunctionType) and not thing.__closure__: thing.__code__ = nothing"
        ),
        "end with every module taken away": "import sys\nsys.modules.clear()",
        "end with a trace function that raises": "import sys\ndef trace(*a): raise ValueError\nsys.settrace(trace)\nmin()",
        "end in a thousand exceptions in a row": (
            "try: raise ValueError\nexcept ValueError as e:\n    for _ in range(1000):\n"
            "        n = ValueError(); n.__cause__ = e; e = n\n    raise e"
        ),
        "end by an exception that is its own cause": "e = ValueError()\ne.__cause__ = e.__context__ = e\nraise e",
        "end by a group of exceptions": "raise ExceptionGroup('g' * 9999, [ValueError(n) for n in range(9999)])",
        "end by a class of exceptions with a metaclass": (
            "class M(type(Exception)):\n    def __getattribute__(cls, name): raise SystemExit(0)\n"
            "class E(Exception, metaclass=M): pass\nraise E"
        ),
    },
    rows={
        "end by a bad address": ("segfault C", "core dump"),
        "end by aborting": ("os.abort",),
        "end by a python recursion": ("deep recursion (python)",),
        "end by a recursion in c": ("deep recursion (C stack)",),
        "end by a text that raises": ("exception whose __str__ raises",),
        "end with a hook that never ends": ("atexit handler that never ends",),
        "end with status 3": ("sys.exit(3)",),
        "end with a status of 20 digits": ("sys.exit(huge)",),
        "end without print": ("replace builtins.print",),
    },
    held_by="the supervisor tells how a process ended; our own processes never run its code",
)


@each(ENDINGS, core=3)
def test_a_violent_end_is_a_verdict_and_never_our_fault(jail: Jailed, attack: str) -> None:
    ran = jail.attack(attack, limits=Limits(wall_s=2))
    assert ran.verdict["outcome"] == "failed"
    assert ran.failure != "timeout"


SOURCES = several(
    "endings",
    {
        "be a nul byte": "\x00",
        "hold a nul byte": "a = 1\n\x00\n",
        "have an error of syntax": "def train(:\n",
        "be opened and never closed": "(" * 5000,
        "be 60000 minus signs": "-" * 60_000 + "1",
        "be a mark of byte order": "\ufeff",
        "break off in an escape": "x = '\\N{DIGIT'",
        "be folded to a huge constant": "x = 'a' * 9999 * 9999 * 9999 * 9999",
        "be folded to a huge power": "x = 2 ** 10 ** 8 ** 9",
        "hold a number of 60000 digits": "x = " + "9" * 60_000,
        "hold a number of 60000 hexadecimal digits": "x = 0x" + "f" * 60_000,
        "hold a sum of 30000 terms": "x = " + "+".join("1" * 30_000),
        "hold a sum of 320 terms": "x = " + "+".join("1" * 320),
        "be nested 190 deep": "x = " + "[" * 190 + "]" * 190,
        "have 900 branches": "if 0: pass\n" + "elif 0: pass\n" * 900,
        "say that it is in another encoding": "# coding: utf-7\nx = 1\n",
        "define one name 1000 times": "def f(): pass\n" * 1000,
    },
    rows={
        "be a nul byte": ("NUL byte in source",),
        "have an error of syntax": ("syntax error",),
        "be opened and never closed": ("compile bomb source",),
        "be folded to a huge constant": ("compile bomb (constant folding)",),
    },
    held_by="compiled where it runs; read by the examiner inside bounds",
)


@each(SOURCES, core=3)
def test_a_source_that_is_hard_to_read_is_a_verdict(jail: Jailed, attack: str) -> None:
    ran = jail.run(attack, kind="check", bugs=_BUGS)
    assert ran.verdict["outcome"] == "failed"
    assert {bug["status"] for bug in ran.verdict["bugs"]} <= {"blocked", "broken"}


@scenario("os._exit(0) before results", held_by="no answer is no pass")
def test_leaving_at_once_with_status_0_passes_nothing(jail: Jailed) -> None:
    clean = (PROBLEM / "shapes" / "gpt.py").read_text()
    assert jail.run("import os\nos._exit(0)\n" + clean).verdict["outcome"] == "failed"


@scenario("close fds 0-255", held_by="the supervisor's own pidfd and pipes")
def test_closing_every_descriptor_hurts_only_itself(jail: Jailed) -> None:
    ran = jail.attack(
        """
        import os
        print("before", flush=True)
        os.closerange(0, 256)
    """,
        limits=_LONG,
    )
    assert ran.text() == "before\n"
    assert ran.verdict["outcome"] == "failed"
    assert jail.attack("print('next')", limits=_LONG).text() == "next\n"
