"""The commands on the real pack, in a folder of their own, with a sandbox that follows a script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from app.commands import examining
from app.engine.judge import Judge
from tests.app.fakes import FakeSandbox

Overfit = Callable[..., Result]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> FakeSandbox:
    fake = FakeSandbox()
    monkeypatch.setattr(examining, "local_judge", lambda settings: (fake, Judge("warming")))
    return fake


@pytest.fixture
def overfit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sandbox: FakeSandbox) -> Overfit:
    """Types a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run
