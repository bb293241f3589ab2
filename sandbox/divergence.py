"""Where a model over caches first leaves the model without: layer, position, and what it sees there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from sandbox.calls import CandidateFault
from sandbox.measurements import Measurements
from sandbox.remote import Fed
from sandbox.responses import other_token
from sandbox.wording import shown

_MOST_SEEN = 32  # tokens that are changed one by one

Stored = list[tuple[Tensor, Tensor]]  # keys and values (B, H, T, D) by layer


@dataclass(frozen=True)
class First:
    """The first divergence. `layer` is None where keys and values could not be compared."""

    position: int
    size: float
    step: int
    stored: int  # tokens before the step
    new: int  # tokens of the step
    layer: int | None
    place: str | None  # "input": what the layer stores differs; "attention": what it makes of it does
    sees: list[list[bool]] | None  # (new, stored + new): whether a changed token moves a new place's logits

    @property
    def table(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "place": self.place,
            "position": self.position,
            "size": float(f"{self.size:.3g}"),
            "step": self.step,
            "stored": self.stored,
            "new": self.new,
            "sees": self.sees,
        }

    @property
    def words(self) -> str:
        """Where and by how much, and as far as it was seen, how."""
        at = f"position {self.position}, by {shown(self.size)}"
        where = at if self.layer is None else f"layer {self.layer}, {at}"
        return " ".join(part for part in (f"first differs at {where}.", self._how()) if part)

    def _how(self) -> str:
        """The symptom behind the numbers; never what to change."""
        if self.sees is not None:
            if ahead := self._ahead():
                return ahead
            if blind := self._blind():
                return blind
        if self.place == "input":
            return f"What layer {self.layer} stores for this position already differs."
        return ""

    def _ahead(self) -> str:
        for i, row in enumerate(self.sees or ()):
            place = self.stored + i
            if later := [j for j in range(place + 1, len(row)) if row[j]]:
                said = f"Changing token {later[0]} moves the logits at position {place}"
                if self.stored:
                    return f"{said}: several new tokens over a filled cache see each other's future."
                return f"{said}: several new tokens over an empty cache see each other's future."
        return ""

    def _blind(self) -> str:
        for i, row in enumerate(self.sees or ()):
            place = self.stored + i
            if missed := [j for j in range(place + 1) if not row[j]]:
                count = f"{len(missed)} of the {place + 1} tokens up to it"
                return (
                    f"The logits at position {place} do not respond to {count}, token {missed[0]} among them."
                )
        return ""


def first_divergence(
    m: Measurements, ids: Tensor, plan: Sequence[int], *, fed: Fed, sizes: Tensor, limit: float
) -> First:
    """Of a pattern whose logits differ somewhere."""
    position = int((sizes > limit).nonzero()[0])
    ends = list(accumulate(plan))
    step = next(i for i, end in enumerate(ends) if position < end)
    stored, new = ends[step] - plan[step], plan[step]
    layer, place = _locate(fed.stored, _expected(m, ids), position=position, limit=limit)
    return First(
        position=position,
        size=float(sizes[position]),
        step=step,
        stored=stored,
        new=new,
        layer=layer,
        place=place,
        sees=_sees(m, ids[:1, : ends[step]], plan[: step + 1], limit=limit),
    )


def _locate(
    found: Stored, expected: Stored | None, *, position: int, limit: float
) -> tuple[int | None, str | None]:
    """The layer, by the keys and values that are stored for the places up to this one.

    Where a layer's are others already, what entered it was; where only the next one's are, its attention is.
    Places before it are equal in the logits, and may still be others in what is stored.
    """
    if expected is None or len(found) != len(expected):
        return None, None
    for layer, (mine, right) in enumerate(zip(found, expected, strict=True)):
        if any(a.shape != b.shape for a, b in zip(mine, right, strict=True)):
            return None, None
        far = max(_distance(a, b, position) for a, b in zip(mine, right, strict=True))
        if not far <= limit:
            return (0, "input") if layer == 0 else (layer - 1, "attention")
    return len(found) - 1, "attention"


def _distance(a: Tensor, b: Tensor, position: int) -> float:
    return float((a.double() - b.double())[:, :, : position + 1].abs().nan_to_num(nan=torch.inf).max())


def _expected(m: Measurements, ids: Tensor) -> Stored | None:
    """The keys and values of the model without caches; where they can't be seen, those of one whole prefill
    whose logits are right."""
    try:
        attentions = m.products_of(ids).attentions
        if attentions:
            return [(_by_text(a.k, ids), _by_text(a.v, ids)) for a in attentions]
        whole = m.drawn.fed(ids, (ids.shape[1],))
    except CandidateFault as fault:
        if fault.fatal:
            raise
        return None
    plain = m.drawn.logits(ids)
    same = whole.logits[0].shape == plain.shape and bool((whole.logits[0] - plain).abs().max() <= m.tolerance)
    return whole.stored if same else None


def _by_text(part: Tensor, ids: Tensor) -> Tensor:
    """(B * H, T, D) as (B, H, T, D)."""
    B = len(ids)
    return part.reshape(B, -1, *part.shape[1:]) if len(part) % B == 0 else part[None]


def _sees(m: Measurements, ids: Tensor, plan: Sequence[int], *, limit: float) -> list[list[bool]] | None:
    """Which tokens move the logits of the last step's places; all changes are rows of one batch.

    None where there are too many, or where rows of a batch are not what they are alone.
    """
    end = ids.shape[1]
    if end > _MOST_SEEN:
        return None
    batch = ids.repeat(end + 1, 1)  # (end + 1, end); the last row is the text unchanged
    for j in range(end):
        batch[j, j] = other_token(int(ids[0, j]), m.vocabulary)
    try:
        rows, alone = m.drawn.fed(batch, plan).logits[-1], m.drawn.fed(ids, plan).logits[-1]
    except CandidateFault as fault:
        if fault.fatal:
            raise
        return None
    if rows.shape[:2] != (end + 1, plan[-1]) or alone.shape != (1, *rows.shape[1:]):
        return None
    if not bool((rows[-1:] - alone).abs().max() <= limit):
        return None
    moved = (rows[:-1] - rows[-1:]).abs().amax(dim=-1).T  # (new, end)
    return [[bool(value) for value in row] for row in (moved > limit).tolist()]
