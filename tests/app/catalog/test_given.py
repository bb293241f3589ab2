"""A follow-up starts from a program with what is given put in."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.catalog import load_catalog, with_given
from app.errors import SetupError

GIVEN = "import torch\n\n\nclass Given:\n    pass\n"


def test_it_stands_before_what_a_person_runs() -> None:
    source = "import torch\n\nx = 1\n\nif __name__ == '__main__':\n    print(x)\n"
    assert with_given(source, GIVEN) == (
        "import torch\n\nx = 1\n\n\nclass Given:\n    pass\n\n\nif __name__ == '__main__':\n    print(x)\n"
    )


def test_it_brings_its_import_where_there_is_none() -> None:
    assert with_given("from torch import nn\n", GIVEN) == (
        "from torch import nn\n\n\nimport torch\n\n\nclass Given:\n    pass\n"
    )


def test_a_file_that_does_not_parse_gets_it_at_its_end() -> None:
    assert with_given("x = (\n", GIVEN).endswith("class Given:\n    pass\n")


def test_a_problem_that_follows_has_a_start_for_each_shape(pack: Path) -> None:
    problem = pack / "tiny" / "problem.toml"
    problem.write_text(problem.read_text().replace('contract = "gpt"', 'contract = "gpt"\nfollows = "tiny"'))
    with pytest.raises(SetupError, match=r"given\.py: is missing"):
        load_catalog(pack)
    (pack / "tiny" / "given.py").write_text(GIVEN)
    found = load_catalog(pack).problem("tiny")
    assert found.starts["tiny"] == with_given(found.shapes["tiny"], GIVEN)


def test_a_condition_deeper_than_the_stack_is_no_obstacle() -> None:
    source = "if a" + ".b" * 2000 + ":\n    pass\n"
    assert with_given(source, GIVEN).startswith(source)
