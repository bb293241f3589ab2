"""Tells the parameters of the blocks from the rest, silences branches, finds the two maps of each MLP."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from sandbox.measurements import Measurements
from sandbox.subject import RemoteModel, Tap

_INDEXED = re.compile(r"^(?:(.*?)\.)?(\d+)\.")


def branches(m: Measurements) -> list[str]:
    """Every weight and bias inside the blocks but the gains: with them at zero all branches are silent."""
    inner = _in_blocks(m)
    return [
        entry["name"]
        for entry in m.initial.parameters.entries
        if entry["name"] in inner and not entry["gain"]
    ]


def gains(m: Measurements) -> list[str]:
    """The gains and shifts of the blocks' norms; empty where they can't be told from others'."""
    inner = _in_blocks(m)
    return [
        entry["name"] for entry in m.initial.parameters.entries if entry["name"] in inner and entry["gain"]
    ]


def _in_blocks(m: Measurements) -> set[str]:
    """Names that belong to a member of a list of modules which holds several matrices, or only norms."""
    groups: dict[tuple[str, str], list[dict[str, object]]] = {}
    for entry in m.initial.parameters.entries:
        if (found := _INDEXED.match(entry["name"])) and m.V not in entry["shape"]:
            groups.setdefault((found[1] or "", found[2]), []).append(entry)
    only_gains = {key for key, entries in groups.items() if all(entry["gain"] for entry in entries)}
    lists_of_norms = {
        prefix
        for prefix, _ in only_gains
        if all(key in only_gains for key in groups if key[0] == prefix)
        and sum(key[0] == prefix for key in groups) > 1
    }
    chosen = [entries for key, entries in groups.items() if key not in only_gains or key[0] in lists_of_norms]
    if not chosen:  # a single block by name: its matrices are known, its norms are not told from the last one
        return _outside_lists(m)
    return {str(entry["name"]) for entries in chosen for entry in entries}


def _outside_lists(m: Measurements) -> set[str]:
    table = m.position_table
    return {
        entry["name"]
        for entry in m.initial.parameters.entries
        if not entry["gain"] and m.V not in entry["shape"] and (table is None or entry["name"] != table.name)
    }


def silenced(m: Measurements, *, gains_seed: int | None = None) -> RemoteModel:
    """The drawn model with silent branches; its blocks' norms as initialised, or stretched at random."""
    return m.subject.once(f"silenced {gains_seed}", lambda: _silence(m, gains_seed))


def _silence(m: Measurements, gains_seed: int | None) -> RemoteModel:
    initial = m.initial.parameters.values
    values: dict[str, Tensor] = {name: torch.zeros_like(initial[name]) for name in branches(m)}
    generator = torch.Generator().manual_seed(gains_seed or 0)
    for name in gains(m):
        stretch = 0.5 + torch.rand(initial[name].shape, generator=generator)
        values[name] = initial[name] * (stretch if gains_seed is not None else 1.0)
    return m.drawn.with_parameters(values)


def first_input_moves(m: Measurements, one: RemoteModel, other: RemoteModel) -> bool:
    """Whether what the first map of the blocks is given differs between two models."""
    inner = set(branches(m))
    ids = m.ids(2, 4)
    inputs = []
    for model in (one, other):
        taps, _ = model.taps(ids)
        inputs.append(
            next((t.tensors["left"] for t in taps if t.weight in inner and "left" in t.tensors), None)
        )
    first, second = inputs
    return first is not None and second is not None and float((first - second).abs().max()) > 1e-9


def mlp_pairs(m: Measurements) -> list[tuple[Tap, Tap]]:
    """Each map to a larger width with the map that takes that width next."""
    linear = [tap for tap in m.products.taps if "left" in tap.tensors and tap.tensors["out"].dim() == 2]
    return [
        (into, out)
        for into, out in zip(linear, linear[1:], strict=False)
        if into.tensors["left"].shape[-1] < into.tensors["out"].shape[-1] == out.tensors["left"].shape[-1]
        and into.tensors["out"].shape == out.tensors["left"].shape
    ]
