"""Whether what an attention and what an MLP add reach the logits each by a way of its own.

A block whose second sum starts from the block's input again lets go of what the first has added: attention is
then heard through the MLP alone. With the one silenced, the other must still be heard.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sandbox import blocks
from sandbox.attention import find_reader, find_source, projections
from sandbox.measurements import TAPS_B, Measurements
from sandbox.remote import RemoteModel, Tap
from sandbox.responses import responses
from sandbox.wording import shown

_T = 4  # tokens of the text in which a change is listened for


@dataclass(frozen=True)
class Branches:
    """Weights that silence a branch when they are at zero, in the order in which branches ran."""

    values: list[str]  # what each attention takes its values through
    narrowings: list[str]  # the last map of each MLP
    mlp_of: list[str]  # of each of these the first of its MLP: itself, or an expert beside it
    last_read: int  # which product makes the values of the last attention

    def without_attention(self, kept: int | None = None) -> list[str]:
        """What silences every attention but the one that is kept, and those whose weights are its own."""
        return _others(self.values, kept)

    def without_mlps(self, kept: int | None = None) -> list[str]:
        """The same of MLPs. Experts of one block are kept together: each token reaches only some."""
        of = zip(self.narrowings, self.mlp_of, strict=True)
        return [name for name, mlp in of if kept is None or mlp != self.mlps[kept]]

    @property
    def mlps(self) -> list[str]:
        return list(dict.fromkeys(self.mlp_of))


def _others(names: list[str], kept: int | None) -> list[str]:
    return [name for name in names if kept is None or name != names[kept]]


def closed_path(m: Measurements) -> str | None:
    """What is not heard once the branches of the other kind are silent, in words; None where all is.

    None as well where the two kinds can't be told apart, and of a branch that is not heard in any case.
    """
    branches = _find_branches(m)
    if branches is None:
        return None
    for i, values in enumerate(branches.values):
        silent = branches.without_mlps() + branches.without_attention(kept=i)
        own, later = _heard(m, m.drawn.without(silent))
        if later <= m.tolerance < own and _matters(m, values) and _heard(m, m.drawn)[1] > m.tolerance:
            which = f"attention {i + 1} of {len(branches.values)}"
            words = f"With every MLP silenced, {which} carries a changed token into later logits by"
            return f"{words} {shown(later)}. It must be above 0."
    ids = m.ids(1, _T)
    still = m.drawn.without(branches.without_mlps() + branches.without_attention()).logits(ids)
    for i in range(len(branches.mlps)):
        silent = branches.without_mlps(kept=i) + branches.without_attention()
        moved = float((m.drawn.without(silent).logits(ids) - still).abs().max())
        kept = [name for name in branches.narrowings if name not in silent]
        if moved <= m.tolerance and any(_matters(m, name) for name in kept):
            which = f"MLP {i + 1} of {len(branches.mlps)}"
            return (
                f"With every attention silenced, {which} moves the logits by {shown(moved)}."
                " It must be above 0."
            )
    return None


def doubled_stream(m: Measurements, silent: RemoteModel) -> str | None:
    """Told where, with every branch silenced, something is added to itself and goes on like that; else None.

    A mean of two branches that each hold the stream is halved again, and so does not.
    """
    sums = [tap.tensors for tap in silent.taps(m.ids(2, _T)).taps if tap.op == "sum"]
    for at, parts in enumerate(sums):
        left, right = parts.get("left"), parts.get("right")
        if left is None or right is None or not bool(left.any()) or not torch.equal(left, right):
            continue
        if any(torch.equal(part, 2 * left) for later in sums[at + 1 :] for part in later.values()):
            return "With every branch silenced, the stream is added to itself. It must stay as it is."
    return None


def side_by_side(m: Measurements) -> bool:
    """Whether of several blocks the last reads no more than the first: the sum of tokens and positions."""
    branches = _find_branches(m)
    if branches is None or min(len(set(branches.values)), len(branches.narrowings)) < 2:
        return False
    silent = m.drawn.without(branches.without_mlps() + branches.without_attention())
    before = m.products.taps[branches.last_read]
    places = [(tap, tap.weight, tap.start) for tap in silent.taps(m.product_ids).taps]
    again = [tap for tap, *place in places if place == [before.weight, before.start]]
    if not again or again[-1].tensors["left"].shape != before.tensors["left"].shape:
        return False
    after = again[-1]
    alike = float((before.tensors["left"] - after.tensors["left"]).abs().max()) <= m.tolerance
    return alike and _matters(m, branches.values[0])


def _matters(m: Measurements, name: str) -> bool:
    """Whether the drawn model answers otherwise without this branch: else its way is not what is wrong."""
    ids = m.ids(1, _T)
    return float((m.drawn.without([name]).logits(ids) - m.drawn.logits(ids)).abs().max()) > m.tolerance


def _heard(m: Measurements, model: RemoteModel) -> tuple[float, float]:
    """How far another first token moves its own logits, and how far those after it."""
    moved = responses(model, m.ids(1, _T)[0], changed=[0], vocabulary=m.vocabulary)  # (T, 1)
    return float(moved[0]), float(moved[1:].max())


def _find_branches(m: Measurements) -> Branches | None:
    taps, attentions = m.products.taps, m.products.attentions
    sources, readers = [], []
    for which, attention in enumerate(attentions):
        after = [tap for tap in taps[attention.at :] if tap.is_linear]  # heads are read together
        source = find_source(attention.v, projections(taps, attentions, which), B=TAPS_B)
        reader = find_reader(attention, after, B=TAPS_B)
        if source is None or reader is None:
            return None
        sources.append(source.tap)
        readers.append(reader)
    values = _names(sources)
    of_attention = {tap.weight for tap in [*sources, *readers]}
    pairs = [pair for pair in _mlp_pairs(m, sources) if pair[1].weight not in of_attention]
    narrowings = _names([out for _, out in pairs])
    if not sources or len(values) < len(sources) or not narrowings:
        return None
    at = [id(tap) for tap in taps].index(id(sources[-1]))
    return Branches(values, narrowings, _names(_first_experts(m, pairs)), last_read=at)


def _first_experts(m: Measurements, pairs: list[tuple[Tap, Tap]]) -> list[Tap]:
    """Of each pair of maps the narrowing of the first one that stands in its block as another expert."""
    firsts: list[Tap] = []
    for into, out in pairs:
        known = zip(pairs, firsts, strict=False)
        beside = (first for (other, _), first in known if _are_experts(m, (other, first), (into, out)))
        firsts.append(next(beside, out))
    return firsts


def _are_experts(m: Measurements, one: tuple[Tap, Tap], other: tuple[Tap, Tap]) -> bool:
    """Whether two pairs of maps are of one kind, and given the same tokens, or each only some of a text's."""
    kinds = {blocks.kind_of(m, out.weight or "") for _, out in (one, other)}
    given = [into.tensors["left"] for into, _ in (one, other)]
    some = min(len(rows) for rows in given) < m.product_ids.numel()
    return len(kinds) == 1 and (some or torch.equal(*given))


def _names(taps: list[Tap]) -> list[str]:
    return [tap.weight for tap in taps if tap.weight is not None]


def _mlp_pairs(m: Measurements, sources: list[Tap]) -> list[tuple[Tap, Tap]]:
    """The pairs of maps that go back to the width they came from, with no attention between the two.

    What reads the same as an attention's values do belongs to that attention.
    """
    taps, inner = m.products.taps, set(blocks.branches(m))
    at = {id(tap): i for i, tap in enumerate(taps)}
    read = [source.tensors["left"] for source in sources]
    return [
        (into, out)
        for into, out in blocks.mlp_pairs(m)
        if out.weight in inner
        and into.tensors["left"].shape == out.tensors["out"].shape
        and not any(at[id(into)] < attention.at < at[id(out)] for attention in m.products.attentions)
        and not any(out.tensors["left"].equal(left) for left in read)
    ]
