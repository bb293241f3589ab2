"""The probes of the problem `gpt`: a function for each property of a right program.

Probes ask the remote submission `s` for numbers and say what they mean. They know nothing of how a program is
written. Most of them look at `s.drawn`: the untrained model, its parameters drawn anew at std 0.25, in float64.

| property | holds when |
|---|---|
| runs | training, forward pass and generation come to their ends |
| shapes | logits are (B, T, vocab), and finite |
| causal | no later token moves an earlier logit |
"""

from __future__ import annotations

import torch
from torch import Tensor

from sandbox.probing import Finding, broken, held, probe
from sandbox.subject import RemoteModel, Subject

T = 12  # positions of a map


@probe(title="It runs from end to end", component="program")
def runs(s: Subject) -> Finding:
    s.untrained
    return held()


@probe(title="Logits are (B, T, vocab)", component="model", needs=("runs",))
def shapes(s: Subject) -> Finding:
    for B, T in ((1, 1), (2, 5), (3, 12)):
        ids = _ids(s, B, T)
        found = tuple(s.untrained.logits(ids).shape)
        if len(found) != 3 or found[:2] != (B, T):
            return broken(
                f"For ids of shape ({B}, {T}) the logits are {found}. They must be ({B}, {T}, vocab)."
            )
    return held()


@probe(title="No position sees the future", component="attention", needs=("shapes",))
def causal(s: Subject) -> Finding:
    response = _responses(_drawn(s), _ids(s, 1, T)[0], _vocabulary(s))  # (position, changed token)
    future = torch.triu(response, diagonal=1)
    worst = float(future.max())
    if worst <= 1e-5:
        return held(measured=worst, expected=0.0)
    i, j = divmod(int(future.argmax()), T)
    return broken(
        f"Changing token {j} moved the logits at position {i} by {worst:.3f}. It must be 0.",
        measured=worst,
        expected=0.0,
    )


def _drawn(s: Subject) -> RemoteModel:
    return s.once("drawn", lambda: s.untrained.redrawn(std=0.25, seed=1, dtype="float64"))


def _vocabulary(s: Subject) -> list[int]:
    return s.once("vocabulary", lambda: sorted(set(s.untrained.tokens(s.text)[0])))


def _ids(s: Subject, B: int, T: int) -> Tensor:
    vocabulary = torch.tensor(_vocabulary(s))
    generator = torch.Generator().manual_seed(s.seed)
    return vocabulary[torch.randint(len(vocabulary), (B, T), generator=generator)]


def _responses(model: RemoteModel, ids: Tensor, vocabulary: list[int]) -> Tensor:
    """How far the logits at each position move when each token is changed: (T, T)."""
    T = len(ids)
    changed = ids.repeat(T + 1, 1)  # the last row stays as it is
    for j in range(T):
        changed[j, j] = vocabulary[(vocabulary.index(int(ids[j])) + 1) % len(vocabulary)]
    logits = model.logits(changed)
    return (logits[:T] - logits[T]).abs().amax(dim=-1).T
