"""A source becomes a module as Python would make it one, or its failure says why not."""

from __future__ import annotations

import pytest

from sandbox.submission import Unloadable, execute


def test_a_byte_order_mark_at_the_head_is_no_text() -> None:
    module = execute(source="\ufeffanswer = 6 * 7\n", filename="gpt.py", name="with_a_mark")
    assert module.answer == 42


def test_the_line_of_a_nul_byte_is_told() -> None:
    with pytest.raises(Unloadable) as caught:
        execute(source="a = 1\nb = '\0'\n", filename="gpt.py", name="with_a_nul")
    assert (caught.value.failure["kind"], caught.value.failure["line"]) == ("syntax", 2)
