"""Generation over caches: what it wrote, what the model without caches puts first, and what it was fed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property

import torch

from sandbox.calls import CandidateFault
from sandbox.failures import failure
from sandbox.measurements import Measurements
from sandbox.remote import RemoteModel
from sandbox.wording import stopped

WHOLE = 120  # characters: the longest text that a program is promised
FEW = 12  # new tokens
_TRIED = (  # prompt, new tokens, std
    (8, FEW, 0.2), (1, FEW, 0.3), (WHOLE - 20, 20, 0.4), (5, 1, 0.3), (8, 0, 0.2),
)  # fmt: skip
_LONGEST = 1024  # contexts


@dataclass(frozen=True)
class Written:
    """What generate_cached made of a prompt."""

    model: RemoteModel
    prompt: str
    new_tokens: int
    text: str
    fed: list[int]  # tokens of each forward pass, as the candidate's process claims
    stopped: str | None  # in words, where the program raised

    @property
    def new_text(self) -> str:
        return self.text.removeprefix(self.prompt)

    @cached_property
    def ids(self) -> list[int]:
        return self.model.tokens(self.text)[0]

    @property
    def first_departure(self) -> int | None:
        """The first new token that is not the one that the logits without caches put first."""
        return departure(self.model, self.ids, start=len(self.prompt))


def departure(model: RemoteModel, ids: list[int], *, start: int, shift: int = 0) -> int | None:
    """The first place from `start` on, counted from there, that the tokens from `shift` on do not lead to."""
    if len(ids) <= start:
        return None
    first = model.logits(torch.tensor([ids[shift:-1]]))[0].argmax(dim=-1).tolist()
    expected = first[start - shift - 1 :]
    return next((i for i, (a, b) in enumerate(zip(ids[start:], expected, strict=True)) if a != b), None)


def cached_generation(m: Measurements) -> Written:
    """On the untrained model: for what it was fed."""
    return m.subject.once("cached generation", lambda: write(m, m.initial.model, 8, FEW))


def cached_texts(m: Measurements) -> list[Written]:
    """On redrawn models whose next token stands out, left in the mode in which training left them."""
    return m.subject.once(
        "cached texts",
        lambda: [
            write(m, sharp(m, std=std, seed=seed), prompt, new)
            for seed, (prompt, new, std) in enumerate((*_TRIED, *_filling(m)))
        ],
    )


def _filling(m: Measurements) -> list[tuple[int, int, float]]:
    """A text that just fits into the context, where the program states its size."""
    block = m.initial.parameters.declared.get("block_size", 0)
    return [(block - FEW, FEW, 0.2)] if WHOLE < block <= _LONGEST else []


def plain_text(m: Measurements) -> Written:
    """The same by `generate`, on the first of those models."""
    prompt, new, std = _TRIED[0]
    return m.subject.once(
        "plain text", lambda: write(m, sharp(m, std=std, seed=0), prompt, new, cached=False)
    )


def sharp(m: Measurements, *, std: float, seed: int) -> RemoteModel:
    """A copy in the mode in which training left the model: its matrices drawn anew, gains and biases kept.

    Drawn biases would put one token first whatever the text is.
    """
    drawn = m.initial.model.redrawn(std=std, seed=seed, dtype="float32")
    values = {name: value for name, value in drawn.parameters().values.items() if value.dim() > 1}
    return m.initial.model.with_parameters(values) if values else drawn


def write(
    m: Measurements, model: RemoteModel, length: int, new_tokens: int, *, cached: bool = True
) -> Written:
    """Goes on from random characters of the sentence."""
    draw = random.Random(m.subject.seed + length)
    prompt = "".join(draw.choice(sorted(set(m.text))) for _ in range(length))
    try:
        text, fed = model.generate_counting(prompt, new_tokens, cached=cached)
    except CandidateFault as fault:
        return Written(model, prompt, new_tokens, "", [], words_of(fault))
    return Written(model, prompt, new_tokens, text, fed, None)


def words_of(fault: CandidateFault) -> str:
    """What the program raised; a process that is gone raises again."""
    if fault.fatal:
        raise fault
    return stopped(fault.failure or failure("exception", str(fault)))
