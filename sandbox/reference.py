"""The clean program, executed in the examiner: what a picture of the submission stands beside."""

from __future__ import annotations

import sys
from types import ModuleType

import torch
from torch import Tensor, nn


class Reference:
    """The model that the clean shape makes for a text, drawn anew as the submission's is."""

    def __init__(self, shape: str, *, text: str):
        module = ModuleType("shape")
        sys.modules["shape"] = module  # dataclasses look their module up by name
        exec(compile(shape, "shape.py", "exec", dont_inherit=True), module.__dict__)
        model, self.tokenizer, _ = module.train(text, steps=0, seed=0)
        self.model: nn.Module = model.double().eval()
        self.vocabulary = sorted(set(self.tokenizer.encode(text)))

    def redraw(self, *, std: float, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.model.parameters():
                drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.copy_(drawn * std)

    def logits(self, ids: Tensor) -> Tensor:
        with torch.no_grad():
            output = self.model(ids)
        return output[0] if isinstance(output, tuple) else output  # type: ignore[no-any-return]

    @property
    def dtype(self) -> str:
        return "float64"
