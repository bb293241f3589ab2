"""Text operations: positions count as JavaScript counts, for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadInput
from app.operations import apply_all, require_text

TEXT = st.text(alphabet="ab\n é→𝄞😀", max_size=30)


def units(text: str) -> list[str]:
    """A string as JavaScript sees it: one entry for each UTF-16 code unit."""
    raw = text.encode("utf-16-le")
    return [raw[index : index + 2].decode("utf-16-le", "surrogatepass") for index in range(0, len(raw), 2)]


def joined(parts: list[str]) -> str:
    return "".join(parts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


@given(st.data(), TEXT)
def test_operations_do_what_splice_does_on_an_array_of_code_units(data: st.DataObject, text: str) -> None:
    array, operations = units(text), []
    for _ in range(data.draw(st.integers(0, 4))):
        position = data.draw(st.integers(0, len(array)))
        gone = data.draw(st.integers(0, len(array) - position))
        come = data.draw(TEXT)
        array[position : position + gone] = units(come)
        operations.append((position, gone, come))
    assert apply_all(text, operations) == joined(array)


def test_a_character_beyond_the_basic_plane_counts_two() -> None:
    assert apply_all("😀b", [(2, 1, "c")]) == "😀c"


@pytest.mark.parametrize("text", ["abc", "ab😀"])
def test_an_operation_beyond_the_end_is_refused_with_its_number(text: str) -> None:
    with pytest.raises(BadInput, match="Operation 2 "):
        apply_all(text, [(0, 0, "x"), (4, 9, "")])


def test_half_a_character_is_no_text() -> None:
    with pytest.raises(BadInput):
        require_text(apply_all("😀", [(0, 1, "")]))
