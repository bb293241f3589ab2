"""Programs that people paste: the clean one, and one whose mask leaks."""

from __future__ import annotations

from app.settings import CHECKOUT

FIRST = '"attention is a soft lookup over the past"'


def of_pack(path: str) -> str:
    """A program that lies in the pack."""
    return (CHECKOUT / "problems" / path).read_text(encoding="utf-8")


def clean(sentence: str) -> str:
    """The clean program, learning the sentence of an attempt."""
    return of_pack("gpt/shapes/gpt.py").replace(FIRST, f'"{sentence}"')


def cached(sentence: str) -> str:
    """The clean program over a cache, learning the sentence of an attempt."""
    return of_pack("kv_cache/shapes/gpt.py").replace(FIRST, f'"{sentence}"')


def leaky(sentence: str) -> str:
    """The clean program with the canonical bug: the mask is filled with zero before the softmax."""
    source = clean(sentence)
    assert 'float("-inf")' in source
    return source.replace('float("-inf")', "0.0")


def pictured(sentence: str) -> str:
    """The clean program with something wrong for each picture of a verdict."""
    source = clean(sentence).replace("F.softmax(att, dim=-1)", "torch.sigmoid(att)")
    source = source.replace("self.position_embedding, std=0.02", "self.position_embedding, std=20")
    assert "        self.apply(self._init_weights)\n" in source
    idle = "        self.idle = nn.Parameter(torch.ones(3))\n"
    return source.replace(
        "        self.apply(self._init_weights)\n", f"        self.apply(self._init_weights)\n{idle}"
    )
