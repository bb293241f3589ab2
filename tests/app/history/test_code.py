"""Reading a program without running it."""

from __future__ import annotations

import pytest

from app.history.code import calls, multiplied_mask


@pytest.mark.parametrize(
    "line",
    [
        "att = att * self.mask[:T, :T]",
        "att *= mask",
        "scores = scores * self.visible[:T, :T]",
        "scores = scores * (future == 0)",
        "scores = mask.float() * scores",
    ],
)
def test_a_mask_that_is_a_factor_is_found_by_its_line(line: str) -> None:
    assert multiplied_mask(f"x = 1\n{line}\n") == 2


@pytest.mark.parametrize(
    "line",
    [
        "att = att + mask * -1e9",
        'att = att + float("-inf") * mask',
        "att = att.masked_fill(mask == 0, -inf)",
        "x = x * weight",
    ],
)
def test_a_mask_times_a_number_and_other_products_are_not(line: str) -> None:
    assert multiplied_mask(line) is None


def test_what_is_called_is_told_by_name_and_what_does_not_parse_calls_nothing() -> None:
    assert calls("loss.backward()\n# optimizer.step()\nprint(1)\n") == {"backward"}
    assert calls("def (") == frozenset()
    assert multiplied_mask("def (") is None


@pytest.mark.parametrize("chain", ["a" + ".b" * 2000, "~" * 2000 + "a", "a" + "[0]" * 900])
def test_a_chain_longer_than_the_stack_is_read_all_the_same(chain: str) -> None:
    assert multiplied_mask(f"x = mask * {chain}\n") == 1
    assert multiplied_mask(f"x = {chain} * weight\n") is None
