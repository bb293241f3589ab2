"""One forward pass as a training saw it: what it looked up, and its logits, in one piece or in several.

A head that is applied to some places at a time keeps memory small; its pieces make the logits of the text.
"""

from __future__ import annotations

import contextlib
import weakref
from dataclasses import dataclass, field

import torch
from torch import Tensor

_MOST_BENDS = 16  # of one product


@dataclass
class Seen:
    """A tensor of a forward pass, and the loss's gradient there once it has come by."""

    values: Tensor
    gradient: Tensor | None = None

    @classmethod
    def at(cls, out: Tensor) -> Seen:
        seen = cls(out.detach().clone())
        out.register_hook(seen._keep)  # type: ignore[no-untyped-call]
        return seen

    def _keep(self, gradient: Tensor) -> None:
        with contextlib.suppress(Exception):
            kept = gradient.detach().clone()
            self.gradient = kept if self.gradient is None else self.gradient + kept


@dataclass
class Piece:
    """A product with V columns, (B, t, V) or (rows, V), and what a cap or a learned scale has made of it."""

    product: Seen
    capped: list[Seen] = field(default_factory=list)
    _made_of_it: list[tuple[weakref.ref[Tensor], bool]] = field(default_factory=list)  # behind a tanh?

    @classmethod
    def of(cls, out: Tensor) -> Piece:
        return cls(Seen.at(out), _made_of_it=[(weakref.ref(out), False)])

    def bend(self, before: Tensor, out: Tensor, *, caps: bool) -> None:
        """Notes what was done to each number alone: a cap makes logits of them, and what follows it."""
        behind = next((behind for made, behind in self._made_of_it if made() is before), None)
        if behind is None or out.shape != before.shape or len(self._made_of_it) > _MOST_BENDS:
            return
        self._made_of_it.append((weakref.ref(out), behind or caps))
        if behind or caps:
            self.capped.append(Seen.at(out))

    @property
    def logits(self) -> Seen:
        """The last that all of the loss's gradient came by; the product itself without a cap."""
        return next((seen for seen in reversed(self.capped) if self._explains(seen)), self.product)

    def _explains(self, seen: Seen) -> bool:
        """Whether the product's gradient is that one by positive factors: else the loss reads more."""
        whole, part = self.product.gradient, seen.gradient
        if whole is None or part is None:
            return False
        return bool((whole * part >= 0).all()) and bool((part[whole != 0] != 0).all())


@dataclass
class Forward:
    """`lookups`: integers, (B, T) or (T,), that rows were looked up by since the pass before."""

    lookups: list[Tensor]
    pieces: list[Piece] = field(default_factory=list)

    def see(self, out: Tensor) -> None:
        """The last product is the head's, unless it goes on where the last one ended."""
        if not self._goes_on(out):
            self.pieces.clear()
        self.pieces.append(Piece.of(out))

    @property
    def logits(self) -> Tensor:
        return self._joined([piece.logits.values for piece in self.pieces])

    @property
    def gradient(self) -> Tensor | None:
        """None where none came by at all."""
        every = [piece.logits for piece in self.pieces]
        if all(seen.gradient is None for seen in every):
            return None
        return self._joined(
            [s.gradient if s.gradient is not None else torch.zeros_like(s.values) for s in every]
        )

    def _goes_on(self, out: Tensor) -> bool:
        """Whether all pieces together have no more rows than there were tokens, and are of one kind."""
        if not self.pieces or out.dim() not in (2, 3):
            return False
        first, tokens = self.pieces[0].product.values, max((ids.numel() for ids in self.lookups), default=0)
        rows = sum(
            logits.numel() // logits.shape[-1] for logits in (out, *(p.product.values for p in self.pieces))
        )
        alike = first.dim() == out.dim() and first.shape[:-2] == out.shape[:-2]
        return alike and rows <= tokens and len(out.flatten(0, -2)) % self._rows == 0

    def _joined(self, parts: list[Tensor]) -> Tensor:
        if len(parts) > 1 and parts[0].dim() == 2:
            parts = [part.view(self._rows, -1, part.shape[-1]) for part in parts]  # (B, t, V)
        return torch.cat(parts, dim=-2) if len(parts) > 1 else parts[0]

    @property
    def _rows(self) -> int:
        """How many texts the pass was given, by the largest of its lookups."""
        largest = max(self.lookups, key=Tensor.numel)
        return largest.shape[0] if largest.dim() == 2 else 1
