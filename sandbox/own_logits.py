"""Whether a generation is the greedy one by the logits that its own model gives the examiner.

The stub can't tell where a cache is fed, or where `generate` hands the model more than the text. Here the
model itself answers: once to `generate`, once to the examiner, who shows it the whole text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sandbox.blocks import is_matrix
from sandbox.generation import NEXT, PROMPT, prompt_of, samples, untrained_text
from sandbox.measurements import Measurements
from sandbox.remote import RemoteModel

_MODELS = (  # std of what is drawn anew; whether gains and biases stay as they start
    (0.1, True),
    (0.5, True),
    (2.0, True),
    (0.5, False),  # biases that were drawn put one token first, nearly whatever the text is
)
_TELLING = 4  # different new characters of an untrained model's text: of fewer it says little
_NEAR = 0.05  # times the spread of the logits: what rounding, in bfloat16 too, may turn round
_BY_LOT = 20.0  # below the largest logit: what one that samples may fall on


@dataclass(frozen=True)
class Departure:
    """The first new token of a text that is not what the logits of the text before it put first."""

    prompt: str
    text: str
    step: int
    forgets: bool  # whether each token is what the token before it leads to, with nothing before that

    @property
    def words(self) -> str:
        wrote = f"'{self.prompt}' with '{self.text.removeprefix(self.prompt)[:40]}'"
        return (
            f"{wrote}; at new character {self.step + 1} the logits of the text so far put another one first"
        )


def departure(m: Measurements) -> Departure | None:
    """The first one in texts of several models, drawn anew; None where every text is the greedy one.

    Of each model texts in a row, with prompts longer than the text before and one of a single token: nothing
    of one may stay.
    """
    return m.subject.once("departure", lambda: _look(m))


def first_departure(m: Measurements) -> Departure | None:
    """The same of one prompt: enough where each step was seen to be given the whole text.

    Two models go on from it, since the second must not write what the first one did.
    """
    return m.subject.once("first departure", lambda: _look_once(m))


def _look(m: Measurements) -> Departure | None:
    for seed, (std, keeps) in enumerate(_MODELS):
        model = _drawn(m, std=std, seed=seed, keeps=keeps)
        for length in (PROMPT, 3 * PROMPT, 5 * PROMPT, 1):
            prompt = prompt_of(m, length)
            if found := _departure(m, model, prompt, model.generate(prompt, NEXT)):
                return found
    return None


def _look_once(m: Measurements) -> Departure | None:
    prompt, telling = prompt_of(m, PROMPT), False
    if not m.initial.uninitialised:
        text = untrained_text(m)
        if found := _departure(m, m.initial.model, prompt, text):
            return found
        telling = len(set(text.removeprefix(prompt))) >= _TELLING
    other = m.drawn_single if telling else _drawn(m, std=_MODELS[0][0], seed=0, keeps=True)
    return _departure(m, other, prompt, other.generate(prompt, NEXT))


def _drawn(m: Measurements, *, std: float, seed: int, keeps: bool) -> RemoteModel:
    """A copy, drawn anew, in evaluation mode; its vectors as they start, but weights of branches at 0."""
    model = m.initial.model.redrawn(std=std, seed=seed, dtype="float32")
    values = m.initial.parameters.values.items() if keeps else ()
    vectors = {
        name: value
        for name, value in values
        if not is_matrix(value.shape) and (value.numel() > 1 or bool(value.any())) and not value.isnan().any()
    }
    if vectors:
        model.set_parameters(vectors)
    return model


def _departure(m: Measurements, model: RemoteModel, prompt: str, text: str) -> Departure | None:
    ids, start = model.tokens(text)[0], len(prompt)
    if len(ids) > len(text):  # of bytes that were no character there is nothing to say, nor of what follows
        text = text.partition("\N{REPLACEMENT CHARACTER}")[0]
        ids = model.tokens(text)[0]
    if not text.startswith(prompt) or len(ids) > start + NEXT:
        return Departure(prompt, text, 0, forgets=False)
    if len(ids) <= start:  # nothing written is nothing that departs
        return None
    slack = _BY_LOT if samples(m) else None
    logits = model.logits(torch.tensor([ids[:-1]]))[0, start - 1 :]  # (new, V)
    for step, written in enumerate(ids[start:]):
        if _is_first(logits[step], written, slack=slack):
            continue
        # of the text up to here alone: what follows must change nothing, and in a model that leaks it does
        alone = model.logits(torch.tensor([ids[: start + step]]))[0, -1]  # (V,)
        if _is_first(alone, written, slack=slack):
            continue
        if int(alone.argmax()) not in m.vocabulary:  # a mark or padding, which may have been passed over
            return None
        return Departure(prompt, text, step, forgets=_forgets(model, ids[start:], slack=slack))
    return None


def _forgets(model: RemoteModel, new: list[int], *, slack: float | None) -> bool:
    if len(new) < 2:
        return False
    logits = model.logits(torch.tensor(new[:-1])[:, None])[:, 0]  # (new - 1, V), a text of one token each
    return all(_is_first(row, written, slack=slack) for row, written in zip(logits, new[1:], strict=True))


def _is_first(logits: Tensor, token: int, *, slack: float | None) -> bool:
    """Whether the largest of (V,) logits is the token's, or nearly. NaN and infinity are no evidence."""
    if not math.isfinite(float(logits.max())):
        return True
    if not 0 <= token < len(logits):
        return False
    near = slack if slack is not None else _NEAR * float(logits[logits.isfinite()].std())
    return float(logits.max() - logits[token]) <= near
