"""Records the products that one forward pass computes, below every way of writing them.

A dispatch mode sees what torch executes: einsum, @, nn.Linear, nn.MultiheadAttention and
scaled_dot_product_attention all end in a handful of operators. What they mean is the examiner's business.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from sandbox.observers import WatchFunctions

_MOST_PRODUCTS = 512
_MOST_NUMBERS = 4_000_000


@dataclass
class Product:
    """left @ right = out, an attention that torch fuses into one operator, or a sum.

    `weight` names the parameter that stands on one side; then that side is not recorded. `start` is where in
    the parameter it begins: slices of one parameter are weights of their own.
    """

    op: str  # product | attention | sum
    tensors: dict[str, Tensor]
    weight: str | None = None
    scale: float | None = None
    is_causal: bool = False
    start: int = 0


class ProductTap(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Collects the products of the forward passes that run inside it."""

    def __init__(self, model: nn.Module):
        super().__init__()  # type: ignore[no-untyped-call]
        self.products: list[Product] = []
        self._numbers = 0
        self._names = {parameter.data_ptr(): name for name, parameter in model.named_parameters()}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        with contextlib.suppress(Exception):
            self._see(func.overloadpacket.__name__, args, kwargs or {}, out)
        return out

    def _see(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        if name in ("mm", "bmm"):
            self._see_product(args[0], args[1], out)
        elif name in ("addmm", "baddbmm"):
            self._see_product(args[1], args[2], out)
        elif name in ("add", "add_"):
            self._see_sum(args, out)
        elif name.startswith("_scaled_dot_product") and "backward" not in name:
            self._see_attention(args, kwargs, out[0])

    def _see_product(self, left: Tensor, right: Tensor, out: Tensor) -> None:
        tensors = {"left": left, "right": right, "out": out}
        product = Product("product", tensors)
        for side in ("right", "left"):
            # a view of a part of a fused weight begins inside its storage
            if name := self._names.get(tensors[side].untyped_storage().data_ptr()):
                product.weight, product.start = name, int(tensors[side].storage_offset())
                del tensors[side]
                break
        self._keep(product)

    def _see_sum(self, args: tuple[Any, ...], out: Tensor) -> None:
        """The sum of two activations of one shape; what was added in place is the right one."""
        left, right = args[:2]
        same = (
            isinstance(left, Tensor) and isinstance(right, Tensor) and left.shape == right.shape == out.shape
        )
        if same and out.dim() >= 2 and out.is_floating_point():
            self._keep(Product("sum", {"left": right} if out is left else {"left": left, "right": right}))

    def _see_attention(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> None:
        tensors = {"q": args[0], "k": args[1], "v": args[2], "out": out}
        mask = kwargs.get("attn_mask")
        if isinstance(mask, Tensor):
            tensors["mask"] = mask.to(out.dtype)
        is_causal = bool(args[4]) if len(args) > 4 else bool(kwargs.get("is_causal", False))
        self._keep(Product("attention", tensors, scale=kwargs.get("scale"), is_causal=is_causal))

    def _keep(self, product: Product) -> None:
        self._numbers += sum(tensor.numel() for tensor in product.tensors.values())
        if len(self.products) < _MOST_PRODUCTS and self._numbers <= _MOST_NUMBERS:
            product.tensors = {key: value.detach().clone() for key, value in product.tensors.items()}
            self.products.append(product)


class WeightUse(WatchFunctions):
    """Counts in how many functions each parameter takes part, and finds trainable tensors that are none."""

    def __init__(self, model: nn.Module):
        super().__init__(self._see_arguments)
        self._names = {id(parameter): name for name, parameter in model.named_parameters()}
        self._uses: dict[tuple[str, int], int] = {}  # by parameter and where in it a slice begins
        self.foreign: dict[int, list[int]] = {}  # their shapes

    @property
    def uses(self) -> dict[str, int]:
        """By parameter: how often that part of it which is used most takes part."""
        most: dict[str, int] = {}
        for (name, _), count in self._uses.items():
            most[name] = max(count, most.get(name, 0))
        return most

    def _see_arguments(self, name: str, args: tuple[Any, ...], out: Any) -> None:
        for value in args:
            if not isinstance(value, Tensor) or not isinstance(
                out, Tensor
            ):  # a question for its shape is no use
                continue
            owner = value if value._base is None else value._base
            if known := self._names.get(id(owner)):
                if out._base is not owner:  # a view is no use yet
                    part = (known, int(value.storage_offset()))
                    self._uses[part] = self._uses.get(part, 0) + 1
            elif value.requires_grad and value.is_leaf:
                self.foreign[id(value)] = list(value.shape)
