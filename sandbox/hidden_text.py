"""A text that no submission has seen, to train and to generate on."""

from __future__ import annotations

import itertools
import random

_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_MARKS = " ,  .\n0"
_SEED = 1_000_003  # so that seeds of jobs and of texts have nothing to do with each other


def hidden_text(seed: int, *, length: int = 70, letters: int = 19) -> str:
    """A text that no submission has seen: no pair of neighbours occurs twice, so each place tells itself.

    Among its letters stand blanks, marks, a new line and a digit: what may be taken for padding, or tidied
    away.
    """
    draw = random.Random(seed * _SEED + length)
    chosen = [c.upper() if i % 4 == 0 else c for i, c in enumerate(draw.sample(_ALPHABET, letters))]
    draw.shuffle(chosen)
    text = [*chosen[: letters // 2], *_MARKS, *chosen[letters // 2 :]]
    pairs = set(itertools.pairwise(text))
    while len(text) < length:
        following = [c for c in chosen if c != text[-1] and (text[-1], c) not in pairs]
        text.append(draw.choice(following))
        pairs.add((text[-2], text[-1]))
    return "".join(text)
