"""The clean program, executed in the examiner: what a picture of the submission stands beside."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sandbox.attention import find_attentions
from sandbox.remote import Tap
from sandbox.taps import ProductTap


class Reference:
    """The model that the clean shape makes for a text; `initial` are its parameters as it starts."""

    def __init__(self, shape: str, *, text: str):
        module = ModuleType("shape")
        sys.modules["shape"] = module  # dataclasses look their module up by name
        exec(compile(shape, "shape.py", "exec", dont_inherit=True), module.__dict__)
        model, self.tokenizer, _ = module.train(text, steps=0, seed=0)
        self.model: nn.Module = model.double().eval()
        self.vocabulary = sorted(set(self.tokenizer.encode(text)))
        self.initial = {name: p.detach().clone() for name, p in self.model.named_parameters()}

    def redraw(self, *, std: float, seed: int) -> None:
        """Draws its parameters anew, as the submission's are."""
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.model.parameters():
                drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.copy_(drawn * std)

    def ids(self, text: str) -> Tensor:
        return torch.tensor(self.tokenizer.encode(text))

    def logits(self, ids: Tensor, values: Mapping[str, Tensor] | None = None) -> Tensor:
        """With these values instead of its own parameters, if some are given."""
        with torch.no_grad():
            if values is None:
                return self._logits(ids)
            doubled = {name: value.double() for name, value in values.items()}
            return _first(functional_call(self.model, doubled, (ids,)))

    def gradients(self, ids: Tensor, of: Tensor) -> dict[str, Tensor | None]:
        """Of sum(logits * of), `of` (B, T, V)."""
        self.model.zero_grad()
        (self._logits(ids) * of).sum().backward()  # type: ignore[no-untyped-call]
        return {name: parameter.grad for name, parameter in self.model.named_parameters()}

    def attention(self, ids: Tensor) -> Tensor | None:
        """What its first attention multiplied the values with: (N, T, T)."""
        tap = ProductTap(self.model)
        with torch.enable_grad(), tap:
            self._logits(ids)
        taps = [Tap(p.op, p.weight, p.scale, p.is_causal, p.start, p.tensors) for p in tap.products]
        attentions = find_attentions(taps, T=ids.shape[1])
        return attentions[0].weights if attentions else None

    def _logits(self, ids: Tensor) -> Tensor:
        return _first(self.model(ids))

    @property
    def dtype(self) -> str:
        return "float64"


def _first(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    return output[0] if isinstance(output, tuple) else output
