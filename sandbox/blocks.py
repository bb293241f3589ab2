"""Tells the parameters of the blocks from the rest, silences branches, finds the two maps of each MLP."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from sandbox.attention import projections
from sandbox.measurements import Measurements
from sandbox.remote import RemoteModel, Tap

_FAINT = 1e-12  # times what a weight starts with: as good as zero
_INDEX = re.compile(r"\.\d+(?=\.|$)")
_MEMBER = re.compile(r"^(?:(.*?)\.)?(\d+)\.")  # blocks.0.attn.qkv.weight: the list, the index


def branches(m: Measurements) -> list[str]:
    """Every matrix but those of tokens, positions, head and stacked gains: with them at zero all branches are
    silent.

    Where the blocks are a list, maps outside it (a narrow embedding, a head in two steps) are none.
    """
    return m.subject.once("branches", lambda: _find_branches(m))


def _find_branches(m: Measurements) -> list[str]:
    apart = {table.name for table in (m.token_table, m.position_table) if table is not None} | {head(m)}
    apart |= set(_stacked_gains(m))
    entries = m.initial.parameters.entries
    names = [e["name"] for e in entries if is_matrix(e["shape"]) and e["name"] not in apart]
    lists = _lists_of(m)
    stack = _stack(m, lists)
    if stack is None:
        return names
    beside = {prefix for prefix, indices in lists.items() if indices == lists[stack]}  # attentions.0, mlps.0
    return [name for name in names if (found := _member(name)) and found[0] in beside]


def _member(name: str | None) -> tuple[str, str] | None:
    """The list of modules that a parameter belongs to, and the index there."""
    found = _MEMBER.match(name or "")
    return (found[1] or "", found[2]) if found else None


def kind_of(m: Measurements, name: str) -> str:
    """The name with all indices left open but its block's own: the experts of a block are of one kind."""
    stack = m.subject.once("stack", lambda: _stack(m, _lists_of(m)))
    found = _MEMBER.match(name)
    block = found[0] if found and (found[1] or "") == stack else ""
    return block + _INDEX.sub(".*", name.removeprefix(block))


def _lists_of(m: Measurements) -> dict[str, set[str]]:
    return _lists([entry["name"] for entry in m.initial.parameters.entries])


def _lists(names: list[str]) -> dict[str, set[str]]:
    lists: dict[str, set[str]] = {}
    for prefix, index in filter(None, map(_member, names)):
        lists.setdefault(prefix, set()).add(index)
    return lists


def _stack(m: Measurements, lists: dict[str, set[str]]) -> str | None:
    """The list whose every member has an attention, with maps of its own before and after it."""
    taps, attentions = m.products.taps, m.products.attentions
    members = set()
    for which, attention in enumerate(attentions):
        end = attentions[which + 1].at if which + 1 < len(attentions) else len(taps)
        before = [_member(tap.weight) for tap in projections(taps, attentions, which)]
        after = [_member(tap.weight) for tap in taps[attention.at : end] if tap.is_linear]
        if not before or before[-1] not in after:
            return None
        members.add(before[-1])
    prefixes = {member[0] for member in members if member is not None}
    prefix = next(iter(prefixes), None)
    whole = len(prefixes) == 1 and {index for _, index in filter(None, members)} == lists[prefix or ""]
    return prefix if whole else None


def head(m: Measurements) -> str | None:
    """The weight of the last product that gives logits; if none is seen, the last with V rows or columns."""
    weights = [tap.weight for tap in m.products.taps if tap.weight and tap.tensors["out"].shape[-1] == m.V]
    if not weights:  # a convolution, say
        table = m.token_table.name if m.token_table is not None else None
        matrices = [entry for entry in m.initial.parameters.entries if len(entry["shape"]) >= 2]
        weights = [entry["name"] for entry in matrices if m.V in entry["shape"] and entry["name"] != table]
    return weights[-1] if weights else None


def gains(m: Measurements) -> list[str]:
    """The gains of the blocks' norms, by the names of lists of modules; empty where there are none."""
    inner = set(branches(m))
    members: dict[tuple[str, str], list[str]] = {}
    for entry in m.initial.parameters.entries:
        if found := _member(entry["name"]):
            members.setdefault(found, []).append(entry["name"])
    return [
        name
        for names in members.values()
        if inner & set(names)
        for name in names
        if is_gain(m.initial.parameters.values[name])
    ]


def _stacked_gains(m: Measurements) -> list[str]:
    """Gains of several blocks in one matrix, which starts as one number other than 0 and is no product's."""
    multiplied = {tap.weight for tap in m.products.taps}
    values = m.initial.parameters.values.items()
    return [
        name
        for name, value in values
        if is_matrix(value.shape) and name not in multiplied and _is_one_number(value)
    ]


def _is_one_number(value: Tensor) -> bool:
    return float(value.min()) == float(value.max()) != 0


def is_gain(value: Tensor) -> bool:
    return value.numel() > 1 and not is_matrix(value.shape) and _is_one_number(value)


def is_matrix(shape: Sequence[int]) -> bool:
    """(C, 1) and (1, 1, C) are vectors."""
    return sum(size > 1 for size in shape) > 1


def silenced(m: Measurements, *, stretch_gains: bool = False) -> RemoteModel:
    """The drawn model with silent branches and the vectors of norms as they are initialised, or stretched."""
    return m.subject.once(f"silenced {stretch_gains}", lambda: _silence(m, stretch_gains))


def _silence(m: Measurements, stretch_gains: bool) -> RemoteModel:
    initial = m.initial.parameters.values
    stacked = _stacked_gains(m)
    vectors = {n: value for n, value in initial.items() if not is_matrix(value.shape) or n in stacked}
    values = {name: torch.zeros_like(initial[name]) for name in branches(m)} | vectors
    if stretch_gains:
        generator = torch.Generator().manual_seed(5)
        for name in gains(m):
            values[name] = initial[name] * (0.5 + torch.rand(initial[name].shape, generator=generator))
    # a bias drawn at random is its branch's; what is given stays
    silent = {name: torch.zeros_like(value) for name, value in vectors.items() if not m.is_given(name)}
    model = m.drawn.with_parameters(values | silent)
    if silent and not _hears_its_token(m, model):  # among them are gains of norms, then
        model = m.drawn.with_parameters(values)
    if not bool(model.logits(m.ids(1, 1)).isnan().any()):
        return model
    # a weight that is normed before it is used needs a direction, which zero has not
    return m.drawn.with_parameters(values | silent | {name: _FAINT * initial[name] for name in branches(m)})


def _hears_its_token(m: Measurements, model: RemoteModel) -> bool:
    """Whether another token gets other logits. NaN counts as an answer of its own."""
    one, other = m.vocabulary[0], m.vocabulary[-1]
    logits = model.logits(torch.tensor([[one], [other]]))  # (2, 1, V)
    return not torch.equal(logits[0], logits[1])


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


def apart(m: Measurements) -> list[list[str]]:
    """The inner matrices, those of each member of a list together; empty where one may be several blocks."""
    members: dict[tuple[str, str], list[str]] = {}
    for name in branches(m):
        found = _member(name)
        if found is None:
            return []
        members.setdefault(found, []).append(name)
    shapes = {entry["name"]: tuple(entry["shape"]) for entry in m.initial.parameters.entries}
    kinds = [[(_INDEX.sub(".*", name), shapes[name]) for name in names] for names in members.values()]
    several = any(len(set(names)) < len(names) for names in kinds)  # blocks in stages: two of each map
    return [] if several else list(members.values())


def uses(m: Measurements) -> dict[str, int]:
    """How often each inner matrix is multiplied by, and each gain takes part, in one forward pass."""
    values = m.initial.parameters.values
    found = {name: n for name, n in m.products.uses.items() if name in values and is_gain(values[name])}
    products = [tap for tap in m.products.taps if tap.is_linear]
    # a head is as wide as the vocabulary, as a projection may be by chance: the last one is the head
    heads = [tap.weight for tap in products if tap.tensors["out"].shape[-1] == m.V][-1:]
    parts = Counter((tap.weight, tap.start) for tap in products if tap.weight not in heads)
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
    """Whether each column is an affine function of the same column before; of two rows every one is."""
    if len(torch.unique(before, dim=0)) < 3:  # an expert that was given few tokens
        return False
    x, y = before - before.mean(0), after - after.mean(0)
    cosine = (x * y).sum(0).abs() / (x.norm(dim=0) * y.norm(dim=0)).clamp_min(1e-30)
    return bool((cosine > 1 - 1e-6).all())


def one_sided(m: Measurements) -> tuple[float, float] | None:
    """Smallest and largest entry of something added to the stream that (almost) never goes below zero."""
    widths = {
        tap.tensors["left"].shape[-1] for tap in m.products.taps if tap.is_linear and "left" in tap.tensors
    }
    for tap in m.products.taps:
        if tap.op != "sum":
            continue
        for part in tap.tensors.values():
            if widths and part.shape[-1] not in widths:  # no map reads it: a sum inside an attention, say
                continue
            lowest, highest = float(part.min()), float(part.max())
            if lowest > -0.3 and highest > 0.5 and highest > 3 * abs(lowest):
                return lowest, highest
    return None
