"""The jail is shown python, torch and what torch needs, and nothing of ours but the sandbox."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sandbox.runtime import Runtime, find_runtime

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found() -> Runtime:
    return find_runtime()


def test_the_interpreter_is_the_one_behind_the_virtual_environment(found: Runtime) -> None:
    executable = Path(found.executable)
    assert not executable.is_symlink()
    assert not executable.is_relative_to(sys.prefix) or sys.prefix == sys.base_prefix


@pytest.mark.parametrize("name", ["torch", "numpy", "sympy", "typing_extensions.py"])
def test_torch_and_what_it_needs_can_be_seen(found: Runtime, name: str) -> None:
    assert any(Path(path).name == name for path in found.visible)


@pytest.mark.parametrize("name", ["fastapi", "sqlalchemy", "pytest", "_overfit.pth"])
def test_what_serves_the_site_cannot_be_seen(found: Runtime, name: str) -> None:
    assert not any(Path(path).name == name for path in found.visible)


def test_neither_the_checkout_nor_a_folder_above_it_is_shown(found: Runtime) -> None:
    for path in map(Path, found.visible):
        assert not CHECKOUT.is_relative_to(path)
        assert path.is_relative_to(sys.prefix) or not path.is_relative_to(CHECKOUT)


def test_no_path_is_shown_twice(found: Runtime) -> None:
    for path in found.visible:
        assert not any(path != other and path.startswith(other + "/") for other in found.visible)


def test_a_runtime_travels_as_json(found: Runtime) -> None:
    assert Runtime.from_json(found.to_json()) == found
