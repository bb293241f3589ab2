"""A submission run as a script: what it prints, how it ends, what a person is told when it raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.job import Ending, Job
from tests.sandbox.conftest import UnjailedSpawn

Ran = tuple[Ending, str]


@pytest.fixture
def ran() -> Callable[..., Ran]:
    """ran(source) is how the script ended and what it wrote to both streams."""

    def run(source: str, *, seed: int = 3) -> Ran:
        job = Job(kind="run", source=source, text="", problem="gpt", probes="", shape="", seed=seed)
        spawn = UnjailedSpawn(job)
        return spawn.script(), spawn.output

    return run


def failure_of(ending: Ending) -> dict[str, Any]:
    found: dict[str, Any] = next(report["failure"] for report in ending.reports if "failure" in report)
    return found


def test_a_script_is_main_and_prints(ran: Callable[..., Ran]) -> None:
    ending, output = ran("import sys\nprint(__name__, sys.argv)\n")
    assert (ending.code, output) == (0, "__main__ ['gpt.py']\n")


def test_a_dataclass_of_the_script_finds_its_module(ran: Callable[..., Ran]) -> None:
    ending, output = ran(
        "from __future__ import annotations\nfrom dataclasses import dataclass, KW_ONLY\n"
        "@dataclass\nclass A:\n    x: int\n    _: KW_ONLY\n    y: int = 2\nprint(A(1))\n"
    )
    assert (ending.code, output) == (0, "A(x=1, y=2)\n")


def test_the_three_random_generators_repeat_under_a_seed(ran: Callable[..., Ran]) -> None:
    source = "import random, numpy, torch\nprint(random.random(), numpy.random.rand(), torch.rand(1))\n"
    first, again, other = ran(source), ran(source), ran(source, seed=4)
    assert first[1] == again[1] != other[1]


@pytest.mark.parametrize(
    ("source", "status", "output"),
    [
        ("raise SystemExit", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no data')", 1, "no data\n"),
    ],
)
def test_exits_are_those_of_python(ran: Callable[..., Ran], source: str, status: int, output: str) -> None:
    ending, written = ran(source)
    assert (ending.code, written) == (status, output)
    assert not any("failure" in report for report in ending.reports)


def test_a_printed_traceback_names_library_files_by_their_place_in_the_library(
    ran: Callable[..., Ran],
) -> None:
    _, output = ran("import torch\ntry:\n    torch.nn.Linear(2, 2)(torch.ones(3))\nfinally:\n    pass\n")
    assert 'File "torch/nn/modules/linear.py", line' in output
    assert "return F.linear(" in output
    assert 'File "/' not in output


def test_a_traceback_shows_the_scripts_own_lines_alone(ran: Callable[..., Ran]) -> None:
    ending, output = ran("def f(x):\n    return 1 / x\n\nf(0)\n")
    assert ending.code == 1
    assert output.startswith('Traceback (most recent call last):\n  File "gpt.py", line 4, in <module>')
    assert "return 1 / x" in output
    assert "sandbox" not in output
    failed = failure_of(ending)
    assert (failed["kind"], failed["line"]) == ("exception", 2)
    assert failed["message"] == "ZeroDivisionError: division by zero"
    assert [frame["line"] for frame in failed["traceback"]] == [4, 2]


def test_frames_inside_torch_are_left_out_and_shapes_said_in_words(ran: Callable[..., Ran]) -> None:
    ending, _ = ran("import torch\nlinear = torch.nn.Linear(16, 4)\nlinear(torch.ones(2, 64))\n")
    failed = failure_of(ending)
    assert failed["line"] == 3
    assert failed["message"].endswith("The product takes 16 features and got 64.")
    assert len(failed["traceback"]) == 1


@pytest.mark.parametrize(
    ("source", "kind", "line"),
    [
        ("x = 1\nif x:\nprint(x)\n", "syntax", 3),
        ("x = 1\ny = '\0'\n", "syntax", 2),
        ("x = " + "(" * 5000 + ")" * 5000, "syntax", None),
        ("import nothing_by_this_name\n", "import", 1),
        ("x = 1\nraise MemoryError\n", "memory", 2),
        ("def f():\n    f()\nf()\n", "exception", 2),
        (
            "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\nraise Odd\n",
            "exception",
            4,
        ),
    ],
)
def test_what_stops_a_script_is_told_by_kind_and_line(
    ran: Callable[..., Ran], source: str, kind: str, line: int | None
) -> None:
    ending, _ = ran(source)
    failed = failure_of(ending)
    assert (ending.code, failed["kind"]) == (1, kind)
    assert line is None or failed["line"] == line
    assert len(failed["traceback"]) <= 12


def test_losses_are_reported_while_the_script_trains(ran: Callable[..., Ran]) -> None:
    ending, _ = ran(
        "import torch\nfrom torch.nn.functional import cross_entropy\n"
        "x = torch.zeros(2, 3, requires_grad=True)\ny = torch.tensor([0, 1])\n"
        "for _ in range(5):\n    cross_entropy(x, y).backward()\n    torch.nn.CrossEntropyLoss()(x, y)\n"
        "with torch.no_grad():\n    cross_entropy(x, y)\n"
    )
    assert {"losses": 10} in ending.reports


def test_a_script_may_write_what_utf8_cannot_say(ran: Callable[..., Ran]) -> None:
    ending, output = ran("print('\\ud800 and \\u00e9')\n")
    assert (ending.code, output) == (0, "\\ud800 and é\n")
