"""Strings for the submission's own model to learn, in a loop of ours, and to recite.

Strings that differ only far in the past can be told apart by attention alone, and a model that peeks at the
future while it learns has nothing to peek at when it writes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sandbox.remote import RemoteModel


def branching_strings(vocabulary: list[int], *, count: int, length: int, seed: int) -> Tensor:
    """(count, length) ids: different first tokens, a middle that all share, different ends."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.tensor(vocabulary)
    strings = tokens[torch.randint(len(tokens), (count, length), generator=generator)]
    strings[:, 0] = tokens[torch.randperm(len(tokens), generator=generator)[:count]]
    strings[:, 1 : length // 2] = strings[0, 1 : length // 2]
    strings[:, length // 2] = tokens[torch.randperm(len(tokens), generator=generator)[:count]]
    return strings


def recited(model: RemoteModel, strings: Tensor) -> int:
    """How many strings come out greedily, all from their first token."""
    ids = strings[:, :1]
    while ids.shape[1] < strings.shape[1]:
        ids = torch.cat((ids, model.logits(ids)[:, -1].argmax(dim=-1, keepdim=True)), dim=1)
    return int((ids == strings).all(dim=1).sum())
