"""Lines come out whole and bounded, however the bytes arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.lines import LineSplitter, LineTooLong, encode


@given(lines=st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b""))), cuts=st.data())
def test_lines_do_not_depend_on_how_the_bytes_are_cut(lines: list[bytes], cuts: st.DataObject) -> None:
    data = b"".join(line + b"\n" for line in lines)
    splitter, got = LineSplitter(limit=30), []
    while data:
        size = cuts.draw(st.integers(1, len(data)))
        got += splitter.feed(data[:size])
        data = data[size:]
    assert got == lines


@pytest.mark.parametrize("data", [b"x" * 11, b"x" * 11 + b"\n", b"ok\n" + b"x" * 11])
def test_a_line_over_its_bound_is_refused_even_before_it_ends(data: bytes) -> None:
    with pytest.raises(LineTooLong):
        LineSplitter(limit=10).feed(data)


def test_a_value_is_one_line() -> None:
    assert encode({"text": "a\nb"}) == b'{"text":"a\\nb"}\n'


def test_half_a_character_does_not_travel() -> None:
    assert encode({"text": "\ud800"}) == b'{"text":"?"}\n'
