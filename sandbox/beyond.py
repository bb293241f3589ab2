"""Cached generation beyond the end of the context: a clear error and a new prefill are both right."""

from __future__ import annotations

from sandbox.cached_generation import Written, departure, sharp, write
from sandbox.measurements import Measurements
from sandbox.probing import Finding, broken, held, judged, not_applicable

_USUAL, _LONGEST = 128, 1024  # contexts
_BEFORE, _NEW = 4, 16  # new tokens that still fit, and all of them
_LEAST = 8  # tokens that a new prefill must be given: less forgets the text
_MODELS = (0.2, 0.3, 0.4)  # standard deviations; one model alone may write the same letter whatever it is fed


def beyond(m: Measurements) -> Finding:
    """What a generation does that outgrows the context by a few tokens."""
    block = m.initial.parameters.declared.get("block_size", _USUAL)
    if block > _LONGEST:
        return not_applicable(f"A context of {block} tokens is longer than is tried.")
    for seed, std in enumerate(_MODELS):
        made = write(m, sharp(m, std=std, seed=seed), block - _BEFORE, _NEW)
        if made.stopped:
            text = "Cached generation stops where the text outgrows the context: valid."
            return held(note=("beyond_block", text))
        found = _judge(made, block)
        if found.status != "held":
            return found
    return held()


def _judge(made: Written, block: int) -> Finding:
    asked = f"Asked for {_NEW} new tokens after {len(made.prompt)} in a context of {block}"
    if len(made.ids) != len(made.prompt) + _NEW or not made.text.startswith(made.prompt):
        wrote = len(made.text) - len(made.prompt)
        return broken(f"{asked}, it wrote {wrote} and raised nothing.", measured=wrote, expected=_NEW)
    if departure(made.model, made.ids[: block + 1], start=len(made.prompt)) is not None:
        return broken(f"{asked}, it left what the model puts first before the context was full.")
    detail = f"{asked}, it went on with tokens that do not follow from the end of the text."
    return judged(_cropped(made, block) or _started_anew(made, block), detail)


def _cropped(made: Written, block: int) -> bool:
    """Whether each token beyond follows from the last `block` tokens, as generation without caches has it."""
    return all(
        departure(made.model, made.ids[: end + 1], start=end, shift=end - block) is None
        for end in range(block + 1, len(made.ids))
    )


def _started_anew(made: Written, block: int) -> bool:
    """Whether there is one place from which on the text was fed anew, and from which the rest follows."""
    first = len(made.ids) - 1 - block
    return any(
        departure(made.model, made.ids, start=block + 1, shift=shift) is None
        for shift in range(first, block + 1 - _LEAST)
    )
