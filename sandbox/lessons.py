"""Our own training loop, in the process that holds the submission's model."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.optim import Adam  # the class as it is before a submission is loaded

_BETAS = (0.9, 0.98)


class Lessons:
    """Adam on a loss of one model. Given in parts, they go on where they stopped."""

    def __init__(self, model: nn.Module, *, rate: float):
        self._parameters = list(model.parameters())
        self._adam = Adam(self._parameters, lr=rate, betas=_BETAS, foreach=True)

    def give(self, steps: int, loss: Callable[[], Tensor]) -> None:
        """So many steps down the loss, which is computed anew for each."""
        for _ in range(steps):
            for parameter in self._parameters:
                parameter.grad = None
            loss().backward()  # type: ignore[no-untyped-call]
            for parameter in self._parameters:
                if parameter.grad is not None and parameter.grad.is_sparse:
                    parameter.grad = parameter.grad.to_dense()  # Adam takes no other
            self._adam.step()
