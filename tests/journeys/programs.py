"""Programs that people paste: the clean one, and one whose mask leaks."""

from __future__ import annotations

from app.settings import CHECKOUT

SHAPE = (CHECKOUT / "problems" / "gpt" / "shapes" / "gpt.py").read_text(encoding="utf-8")


def clean(sentence: str) -> str:
    """The clean program, learning the sentence of an attempt."""
    return SHAPE.replace('"attention is a soft lookup over the past"', f'"{sentence}"')


def leaky(sentence: str) -> str:
    """The clean program with the canonical bug: the mask is filled with zero before the softmax."""
    source = clean(sentence)
    assert 'float("-inf")' in source
    return source.replace('float("-inf")', "0.0")
