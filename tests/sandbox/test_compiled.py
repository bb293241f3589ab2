"""Probes that travel compiled."""

from __future__ import annotations

import ast
import base64
import subprocess
import sys

import pytest

from sandbox import Sandbox
from sandbox.compiled import code_of, compiled
from tests.conftest import PROBLEM

PROBES = (PROBLEM / "probes.py").read_text()


def test_what_was_compiled_is_the_program() -> None:
    assert code_of(PROBES, compiled(PROBES)) == code_of(PROBES)


def test_what_another_python_compiled_is_compiled_anew() -> None:
    other = base64.b64encode(b"\0\0\0\0" + base64.b64decode(compiled("x = 1"))[4:]).decode()
    assert code_of("x = 2", other) == code_of("x = 2")


@pytest.mark.parametrize("text", ["def f(:", "x = '\0'"], ids=["syntax", "NUL"])
def test_what_does_not_compile_is_said_where_it_is_read(text: str) -> None:
    assert compiled(text) == ""
    with pytest.raises((SyntaxError, ValueError)):
        code_of(text)


def test_a_sandbox_compiles_what_it_will_be_sent_before_the_first_run() -> None:
    before = compiled.cache_info().misses
    Sandbox(probes=["x = 'told beforehand'"])
    assert compiled.cache_info().misses == before + 1
    compiled("x = 'told beforehand'")
    assert compiled.cache_info().misses == before + 1


def test_what_probes_import_is_loaded_before_the_first_examination() -> None:
    program = "import sys, sandbox.examiner; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    imports = [
        node
        for path in PROBLEM.parent.glob("*/probes.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    ]
    imported = {node.module for node in imports} - {"sandbox"}
    imported |= {f"sandbox.{one.name}" for node in imports if node.module == "sandbox" for one in node.names}
    assert imported <= set(answer.stdout.split())
