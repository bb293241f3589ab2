"""The command line itself: quick, whole, and honest about what it can't use."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import main
from app.errors import SetupError
from app.settings import Settings

HEAVY = ("torch", "sqlalchemy", "fastapi", "jinja2", "sandbox")


def test_help_lists_the_commands() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for name in ("serve", "new", "check", "problems", "assets", "doctor"):
        assert f"\n  {name} " in result.output


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, app.cli; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_serve_takes_its_address_from_the_command_line_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served: list[Settings] = []

    def serve(settings: Settings) -> int:
        served.append(settings)
        return 0

    monkeypatch.setattr("app.serve.serve", serve)
    monkeypatch.setenv("OVERFIT_PORT", "1234")
    monkeypatch.setenv("OVERFIT_HOST", "127.0.0.9")
    result = CliRunner().invoke(main, ["serve", "--port", "0"])
    assert result.exit_code == 0
    assert (served[0].host, served[0].port) == ("127.0.0.9", 0)


def test_an_unknown_option_is_an_unusable_argument() -> None:
    assert CliRunner().invoke(main, ["new", "--fast"]).exit_code == 2
    assert CliRunner().invoke(main, ["serve", "--port", "70000"]).exit_code == 2


def test_a_set_up_that_can_not_work_is_two_lines_and_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise SetupError("The pack is broken.", hint="Repair it.")

    monkeypatch.setattr("app.commands.new.load_catalog", refuse)
    result = CliRunner().invoke(main, ["new"])
    assert result.exit_code == 3
    assert result.output == "Error: The pack is broken.\nRepair it.\n"
