"""Tells the parameters of the blocks from the rest, silences branches, finds the two maps of each MLP."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import torch
from torch import Tensor

from sandbox.measurements import Measurements
from sandbox.subject import RemoteModel, Tap

_MEMBER = re.compile(r"^(?:(.*?)\.)?(\d+)\.")  # blocks.0.attn.qkv.weight: the list, the index


def branches(m: Measurements) -> list[str]:
    """Every matrix but those of tokens, positions and head: with them at zero all branches are silent."""
    apart = {table.name for table in (m.token_table, m.position_table) if table is not None} | {head(m)}
    return [
        entry["name"]
        for entry in m.initial.parameters.entries
        if len(entry["shape"]) >= 2 and entry["name"] not in apart
    ]


def head(m: Measurements) -> str | None:
    """The weight of the last product that gives logits."""
    weights = [tap.weight for tap in m.products.taps if tap.weight and tap.tensors["out"].shape[-1] == m.V]
    return weights[-1] if weights else None


def gains(m: Measurements) -> list[str]:
    """The gains of the blocks' norms, by the names of lists of modules; empty where there are none."""
    inner = set(branches(m))
    members: dict[tuple[str, str], list[str]] = {}
    for entry in m.initial.parameters.entries:
        if found := _MEMBER.match(entry["name"]):
            members.setdefault((found[1] or "", found[2]), []).append(entry["name"])
    return [
        name
        for names in members.values()
        if inner & set(names)
        for name in names
        if is_gain(m.initial.parameters.values[name])
    ]


def is_gain(value: Tensor) -> bool:
    return value.dim() == 1 and float(value.min()) == float(value.max()) != 0


def silenced(m: Measurements, *, stretch_gains: bool = False) -> RemoteModel:
    """The drawn model with silent branches and the vectors of norms as they are initialised, or stretched."""
    return m.subject.once(f"silenced {stretch_gains}", lambda: _silence(m, stretch_gains))


def _silence(m: Measurements, stretch_gains: bool) -> RemoteModel:
    initial = m.initial.parameters.values
    values = {name: torch.zeros_like(initial[name]) for name in branches(m)}
    for name, value in initial.items():
        if (
            value.dim() < 2
        ):  # a bias drawn at random belongs to its branch; what is constant is as good as given
            constant = value.numel() > 0 and bool((value == value.flatten()[0]).all())
            values[name] = value if constant else torch.zeros_like(value)
    if stretch_gains:
        generator = torch.Generator().manual_seed(5)
        for name in gains(m):
            values[name] = initial[name] * (0.5 + torch.rand(initial[name].shape, generator=generator))
    return m.drawn.with_parameters(values)


def first_input_moves(m: Measurements, one: RemoteModel, other: RemoteModel) -> bool:
    """Whether what the first map of the blocks is given differs between two models."""
    inner = set(branches(m))
    ids = m.ids(2, 4)
    inputs = []
    for model in (one, other):
        taps = model.taps(ids).taps
        inputs.append(
            next((t.tensors["left"] for t in taps if t.weight in inner and "left" in t.tensors), None)
        )
    first, second = inputs
    return first is not None and second is not None and float((first - second).abs().max()) > 1e-9


def uses(m: Measurements) -> dict[str, int]:
    """How often each inner matrix is multiplied by, and each gain takes part, in one forward pass."""
    values = m.initial.parameters.values
    found = {name: n for name, n in m.products.uses.items() if name in values and is_gain(values[name])}
    products = [tap for tap in m.products.taps if tap.is_linear and tap.tensors["out"].shape[-1] != m.V]
    parts = Counter((tap.weight, tap.start) for tap in products)
    for (name, _), count in parts.items():
        if name is not None:
            found[name] = max(count, found.get(name, 0))
    return found


def mlp_pairs(m: Measurements) -> list[tuple[Tap, Tap]]:
    """Each map to a larger width with the map that takes that width next."""
    linear = [tap for tap in m.products.taps if tap.op == "product" and tap.is_linear]
    return [
        (into, out)
        for into, out in pairwise(linear)
        if into.tensors["left"].shape[-1] < into.tensors["out"].shape[-1] == out.tensors["left"].shape[-1]
        and into.tensors["out"].shape == out.tensors["left"].shape
    ]


def proportional(before: Tensor, after: Tensor) -> bool:
    """Whether each column is an affine function of the same column before."""
    x, y = before - before.mean(0), after - after.mean(0)
    cosine = (x * y).sum(0).abs() / (x.norm(dim=0) * y.norm(dim=0)).clamp_min(1e-30)
    return bool((cosine > 1 - 1e-6).all())


def one_sided(m: Measurements) -> tuple[float, float] | None:
    """Smallest and largest entry of something added to the stream that (almost) never goes below zero."""
    for tap in m.products.taps:
        if tap.op != "sum":
            continue
        for part in tap.tensors.values():
            lowest, highest = float(part.min()), float(part.max())
            if lowest > -0.3 and highest > 0.5 and highest > 3 * abs(lowest):
                return lowest, highest
    return None
