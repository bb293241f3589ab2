"""Landlock takes every path away but those it is told to leave."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import kernel, landlock

pytestmark = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock; see overfit doctor")


def restricted(attempt: Callable[[], object], **paths: list[str]) -> str:
    """What came of it in a child that may touch `paths` alone."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            kernel.set_no_new_privileges()
            landlock.restrict(readable=paths.pop("readable", []), **paths)
            attempt()
            os.write(writing, b"done")
        except BaseException as error:
            os.write(writing, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "given" / "file"
    path.parent.mkdir()
    path.write_text("text")
    (tmp_path / "other").write_text("secret")
    return path


def test_a_readable_folder_can_be_read_and_not_written(file: Path) -> None:
    folder = [str(file.parent)]
    assert restricted(file.read_text, readable=folder) == "done"
    assert restricted(lambda: list(file.parent.iterdir()), readable=folder) == "done"
    assert restricted(lambda: file.write_text("x"), readable=folder) == "PermissionError"
    assert restricted(file.unlink, readable=folder) == "PermissionError"


def test_a_file_can_be_given_alone(file: Path) -> None:
    assert restricted(file.read_text, readable=[str(file)]) == "done"
    assert restricted(lambda: list(file.parent.iterdir()), readable=[str(file)]) == "PermissionError"


def test_what_was_not_given_cannot_be_opened(file: Path) -> None:
    other = file.parent.parent / "other"
    assert restricted(other.read_text, readable=[str(file.parent)]) == "PermissionError"
    assert restricted(lambda: list(Path("/").iterdir()), readable=[str(file.parent)]) == "PermissionError"


def test_a_writable_folder_takes_files_and_no_devices(file: Path) -> None:
    folder = file.parent
    assert restricted(lambda: (folder / "new").write_text("x"), writable=[str(folder)]) == "done"
    assert restricted(lambda: (folder / "sub").mkdir(), writable=[str(folder)]) == "done"
    pipe = restricted(lambda: os.mknod(folder / "pipe", stat.S_IFIFO | 0o600), writable=[str(folder)])
    assert pipe == "PermissionError"


def test_a_device_can_be_written_where_it_is_given() -> None:
    null = Path("/dev/null")
    assert restricted(lambda: null.write_text("x"), devices=["/dev/null"]) == "done"
    assert restricted(lambda: null.write_text("x")) == "PermissionError"


def test_a_path_that_is_not_there_needs_no_rule(file: Path) -> None:
    assert restricted(file.read_text, readable=["/nonexistent", str(file)]) == "done"
