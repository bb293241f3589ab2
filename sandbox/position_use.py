"""How a program uses its positions: beside all attention, or in the scores alone."""

from __future__ import annotations

import torch

from sandbox import blocks
from sandbox.measurements import Measurements, T


def is_added(m: Measurements, table: str) -> bool:
    """Whether a table of positions is heard beside all attention, and is no bias of its scores alone."""
    silent = blocks.silenced(m)
    moved = (silent.logits(m.ids(1, T)) - silent.without([table]).logits(m.ids(1, T))).abs().max()
    return float(moved) > m.tolerance


def places_differ_without(m: Measurements, table: str) -> bool:
    """Whether equal tokens are told apart beside all attention, with the table of positions at zero."""
    model = blocks.silenced(m).without([table])
    logits = model.logits(torch.full((1, T), m.vocabulary[0]))[0]  # (T, V)
    return float((logits - logits[0]).abs().max()) > m.tolerance


def scores_know(m: Measurements) -> bool:
    """Rotary and biased attention: equal tokens, and still the weights of the first layer are uneven."""
    attentions = m.products_of_one_token.attentions
    last = attentions[0].weights[:, -1] if attentions else torch.zeros(1, 1)  # (N, T)
    return float((last - last.mean(dim=-1, keepdim=True)).abs().max()) > 1e-6


def order_matters(m: Measurements) -> bool:
    """Whether some block, all others silenced, tells at the last place in which order the past came.

    Without positions it is given a set. False as well where the parameters of the blocks can't be told apart.
    """
    members = blocks.apart(m)
    ids = m.ids(1, T)
    ids[0, :2] = torch.tensor([m.vocabulary[0], m.vocabulary[-1]])
    other = torch.cat([ids[:, :2].flip(1), ids[:, 2:]], dim=1)  # (1, T)
    for kept in members:
        model = m.drawn.without([name for member in members if member is not kept for name in member])
        last = model.logits(torch.cat([ids, other]))[:, -1]  # (2, V)
        if float((last[0] - last[1]).abs().max()) > m.tolerance:
            return True
    return False


def attention_is_blind(m: Measurements) -> bool:
    """Whether in every layer seen, equal tokens are given equal queries, keys, values and weights."""
    attentions = m.products_of_one_token.attentions
    parts = [part for a in attentions for part in (a.q, a.k, a.v, a.weights[:, -1:].mT)]  # (N, T, d or 1)
    return bool(parts) and all(float((part - part[:, :1]).abs().max()) <= 1e-6 for part in parts)
