"""One forward pass as a training saw it: what it looked up, and its logits, in one piece or in several.

A head that is applied to some places at a time keeps memory small; its pieces make the logits of the text.
"""

from __future__ import annotations

import contextlib
import weakref
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Piece:
    """A product with V columns, (B, t, V) or (rows, V), and the loss's gradient there once it has come by."""

    logits: Tensor
    gradient: Tensor | None = None

    @classmethod
    def of(cls, out: Tensor) -> Piece:
        piece = cls(out.detach().clone())
        out.register_hook(piece._keep)  # type: ignore[no-untyped-call]
        return piece

    def _keep(self, gradient: Tensor) -> None:
        with contextlib.suppress(Exception):
            kept = gradient.detach().clone()
            self.gradient = kept if self.gradient is None else self.gradient + kept


@dataclass
class Forward:
    """`lookups`: integers, (B, T) or (T,), that rows were looked up by since the pass before."""

    lookups: list[Tensor]
    pieces: list[Piece] = field(default_factory=list)
    _latest: weakref.ref[Tensor] | None = None  # what the last piece was made of

    def see(self, out: Tensor) -> None:
        """The last product is the head's, unless it goes on where the last one ended."""
        if not self._goes_on(out):
            self.pieces.clear()
        self.pieces.append(Piece.of(out))
        self._latest = weakref.ref(out)

    def see_bent(self, bent: Tensor, out: Tensor) -> None:
        """What is done to each of the head's numbers alone makes the logits of them: 15 tanh(x / 15), say."""
        if self._latest is not None and self._latest() is bent and out.shape == bent.shape:
            self.pieces[-1] = Piece.of(out)
            self._latest = weakref.ref(out)

    @property
    def logits(self) -> Tensor:
        return self._joined([piece.logits for piece in self.pieces])

    @property
    def gradient(self) -> Tensor | None:
        """None where none came by at all."""
        if all(piece.gradient is None for piece in self.pieces):
            return None
        parts = [p.gradient if p.gradient is not None else torch.zeros_like(p.logits) for p in self.pieces]
        return self._joined(parts)

    def _goes_on(self, out: Tensor) -> bool:
        """Whether all pieces together have no more rows than there were tokens, and are of one kind."""
        if not self.pieces or out.dim() not in (2, 3):
            return False
        first, tokens = self.pieces[0].logits, max((ids.numel() for ids in self.lookups), default=0)
        rows = sum(logits.numel() // logits.shape[-1] for logits in (out, *(p.logits for p in self.pieces)))
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
