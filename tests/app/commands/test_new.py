"""`overfit new` writes a starter for one's own editor, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.catalog import find_header
from tests.app.commands.conftest import Overfit


def test_it_writes_gpt_py_and_says_what_to_do_next(overfit: Overfit, tmp_path: Path) -> None:
    result = overfit("new", "--seed", "7")
    assert result.exit_code == 0
    assert result.output == (
        "gpt.py: 4 bugs; the regions that hold them are marked. Seed 7.\n"
        "When it is fixed: overfit check gpt.py\n"
    )
    source = (tmp_path / "gpt.py").read_text()
    assert source.startswith("# overfit: ")
    assert source.count("# marked: ") >= 1
    compile(source, "gpt.py", "exec")


def test_the_same_seed_writes_the_same_file(overfit: Overfit, tmp_path: Path) -> None:
    overfit("new", "--seed", "7", "-o", "a.py")
    overfit("new", "--seed", "7", "-o", "b.py")
    overfit("new", "--seed", "8", "-o", "c.py")
    assert (tmp_path / "a.py").read_bytes() == (tmp_path / "b.py").read_bytes()
    assert (tmp_path / "a.py").read_bytes() != (tmp_path / "c.py").read_bytes()


def test_a_file_that_is_there_is_never_overwritten(overfit: Overfit, tmp_path: Path) -> None:
    (tmp_path / "gpt.py").write_text("my afternoon")
    result = overfit("new")
    assert result.exit_code == 2
    assert result.output == "Error: gpt.py is there already.\nName another file with -o.\n"
    assert (tmp_path / "gpt.py").read_text() == "my afternoon"


def test_a_file_that_can_not_be_written_is_said(overfit: Overfit) -> None:
    result = overfit("new", "-o", "nowhere/gpt.py")
    assert result.exit_code == 2
    assert "nowhere/gpt.py can't be written: No such file or directory." in result.output


def test_a_dash_writes_to_stdout(overfit: Overfit, tmp_path: Path) -> None:
    result = overfit("new", "--seed", "7", "-o", "-")
    overfit("new", "--seed", "7", "-o", "a.py")
    assert result.output == (tmp_path / "a.py").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["a.py"]


def test_bugs_may_be_named_by_hand(overfit: Overfit, tmp_path: Path) -> None:
    result = overfit("new", "--bugs", "no-step, mask-missing", "--no-marks")
    assert result.exit_code == 0
    assert "2 bugs; nothing is marked" in result.output
    source = (tmp_path / "gpt.py").read_text()
    assert "optimizer.step()" not in source
    assert "marked" not in source
    header = find_header(source)
    assert header is not None
    assert header.variant is not None
    assert sorted(header.variant.bugs) == ["mask-missing", "no-step"]


def test_what_the_pack_does_not_have_is_named(overfit: Overfit) -> None:
    for arguments, words in (
        (("--bugs", "no-stop"), "There is no bug “no-stop” in gpt."),
        (
            ("--tier", "hard"),
            "There is no tier “hard”.\nThere is: reported, warm-up, loud, silent, expert, shipped, drill,",
        ),
        (("--problem", "bert"), "There is no problem “bert”."),
        (("--shape", "round"), "has no bug to draw for the shape “round”."),
        (("--bugs", "mask-missing,mask-added", "--shape", "gpt"), "These bugs do not go together: "),
        (("--bugs", "no-step", "--shape", "round"), "The pack has no shape “round”."),
    ):
        result = overfit("new", *arguments)
        assert result.exit_code == 2, arguments
        assert words in result.output


def test_a_pack_that_is_not_there_is_our_fault(
    overfit: Overfit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OVERFIT_PROBLEMS", str(tmp_path / "none"))
    result = overfit("new")
    assert result.exit_code == 3
    assert "set OVERFIT_PROBLEMS" in result.output
