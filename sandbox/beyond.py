"""Cached generation beyond the end of the context: a clear error and a new prefill are both right."""

from __future__ import annotations

from dataclasses import replace

from sandbox.cached_generation import FEW, Written, departure, sharp, write
from sandbox.measurements import Measurements
from sandbox.probing import Finding, broken, held, judged, not_applicable

_USUAL, _LONGEST = 128, 1024  # contexts
_BEFORE = 4  # new tokens that still fit
_TELLING, _MOST_TRIES = 5, 4  # different letters in what is written; models until there are so many


def beyond(m: Measurements) -> Finding:
    """What a generation does that outgrows the context by a few tokens."""
    block = m.initial.parameters.declared.get("block_size", _USUAL)
    if block > _LONGEST:
        return not_applicable(f"A context of {block} tokens is longer than is tried.")
    tried = (_outgrow(m, block, seed=seed) for seed in range(_MOST_TRIES))
    found = next((one for one in tried if one.status == "broken" or one.data["letters"] >= _TELLING), None)
    return replace(found or _outgrow(m, block, seed=0), data={})


def _outgrow(m: Measurements, block: int, *, seed: int) -> Finding:
    made = write(m, sharp(m, std=0.3, seed=seed), block - _BEFORE, FEW)
    data = {"letters": len(set(made.new_text))}
    asked = f"Asked for {FEW} new tokens after {len(made.prompt)} in a context of {block}"
    if made.stopped:
        note = ("beyond_block", "Cached generation stops where the text outgrows the context: valid.")
        return held(note=note, data={"letters": _TELLING})
    if len(made.ids) != len(made.prompt) + FEW or not made.text.startswith(made.prompt):
        wrote = len(made.text) - len(made.prompt)
        return broken(f"{asked}, it wrote {wrote} and raised nothing.", measured=wrote, expected=FEW)
    if departure(made.model, made.ids[: block + 1], start=len(made.prompt)) is not None:
        return broken(f"{asked}, it left what the model puts first before the context was full.")
    detail = f"{asked}, it went on with tokens that do not follow from the end of the text."
    return judged(_cropped(made, block) or _started_anew(made, block), detail, data=data)


def _cropped(made: Written, block: int) -> bool:
    """Whether each token beyond follows from the last `block` tokens, as generation without caches has it."""
    return all(
        departure(made.model, made.ids[: end + 1], start=end, shift=end - block) is None
        for end in range(block + 1, len(made.ids))
    )


def _started_anew(made: Written, block: int) -> bool:
    """Whether there is one place from which on the text was fed anew, and from which the rest follows."""
    end = len(made.ids)
    return any(
        departure(made.model, made.ids, start=block + 1, shift=shift) is None
        for shift in range(end - 1 - block, block)
    )
