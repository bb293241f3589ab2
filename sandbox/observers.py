"""Hooks inside the candidate process that record what a training did, without changing what it does.

All of it is a claim: it runs beside the submission. What each property makes of it stands in docs/judge.md.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from sandbox.forwards import Forward

_LOSSES = ("cross_entropy", "nll_loss")
_PRODUCTS = frozenset(
    ("linear", "matmul", "__matmul__", "__rmatmul__", "einsum", "mm", "bmm", "addmm", "baddbmm", "tensordot",
     "conv1d", "bilinear")
)  # fmt: skip
_CAPS = frozenset(("tanh", "softsign", "hardtanh", "clamp", "clip"))
_BENDS = _CAPS | {"mul", "multiply", "__mul__", "__rmul__", "div", "divide", "__truediv__"}
_LOOKUPS = frozenset(("embedding", "__getitem__", "index_select", "one_hot"))
_MOST_FORWARDS = 64
_MOST_PASSES = 20_000  # backward passes of one training
_MOST_LOOKUPS = 8  # of one forward pass


@contextlib.contextmanager
def watch_losses(report: Callable[[float], None]) -> Iterator[None]:
    """Reports the value of each cross-entropy that is computed for training, whoever calls it.

    nn.CrossEntropyLoss and nn.NLLLoss look the function up in torch.nn.functional, as `from ... import` does
    afterwards: to stand there before the submission is loaded is enough.
    """
    originals = {name: getattr(F, name) for name in _LOSSES}
    for name, original in originals.items():
        setattr(F, name, _reporting(original, report))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(F, name, original)


def _reporting(original: Callable[..., Tensor], report: Callable[[float], None]) -> Callable[..., Tensor]:
    @functools.wraps(original)
    def reporting(*args: Any, **kwargs: Any) -> Tensor:
        loss = original(*args, **kwargs)
        if torch.is_grad_enabled():  # an evaluation is no training step
            with contextlib.suppress(Exception):
                report(float(loss.detach().float().mean()))
        return loss

    return reporting


class StaleGradients:
    """Leaves at each backward pass that held the gradient of an earlier step, and were moved by it.

    One that no step uses does no harm: a head may train over parameters that wait for their own optimizer. So
    a leaf counts at the pass after which it moves. Behind the last pass it does not: the weights that are
    there in the end may be the best ones, put back.
    """

    def __init__(self) -> None:
        self.counts: list[int] = []
        self._held: dict[int, Tensor] = {}  # leaves with such a gradient, at the last pass
        self._last = 0

    def note(self, moved: Iterable[Tensor]) -> None:
        """A backward pass begins; these leaves have moved since the one before."""
        if len(self.counts) >= _MOST_PASSES:
            return
        found = {id(leaf): leaf for leaf in moved}
        if self._held:
            self.counts[self._last] += len(self._held.keys() & found.keys())
        either = (self._held | found).items()
        self._held = {key: leaf for key, leaf in either if leaf.grad is not None and bool(leaf.grad.any())}
        self._last = len(self.counts)
        self.counts.append(0)

    def note_none(self) -> None:
        """A pass that adds to no gradient."""
        if len(self.counts) < _MOST_PASSES:
            self.counts.append(0)


@dataclass
class TrainingWatch:
    """What a training did: each forward pass, the gradient at its logits, stale gradients.

    Use as a context manager around one call of `train`. An observation that fails is left out: it must
    never be the reason why a training does.
    """

    vocab: int
    forwards: list[Forward] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._gradients = StaleGradients()
        self._leaves: dict[int, Tensor] = {}
        self._before: dict[int, Tensor] = {}  # values at the last backward
        self._lookups: list[Tensor] = []
        self._stack = contextlib.ExitStack()

    @property
    def stale(self) -> list[int]:
        return self._gradients.counts

    def __enter__(self) -> TrainingWatch:
        self._stack.enter_context(_patched(torch.autograd, "backward", self._around_backward))
        self._stack.enter_context(_patched(torch.autograd, "grad", self._around_grad))
        self._stack.enter_context(WatchFunctions(self._see))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _see(self, name: str, args: tuple[Any, ...], out: Any) -> None:
        for value in args:
            if isinstance(value, Tensor) and value.requires_grad and value.is_leaf:
                self._leaves.setdefault(id(value), value)  # and so its id is not given to another
        if name in _LOOKUPS:
            self._see_lookup(name, args, out)
        elif name in _PRODUCTS and isinstance(out, Tensor) and out.dim() >= 2 and out.requires_grad:
            self._see_product(out)
        elif name in _BENDS and self.forwards and isinstance(out, Tensor) and out.requires_grad:
            self._see_bent(name, args, out)

    def _see_lookup(self, name: str, args: tuple[Any, ...], out: Any) -> None:
        """Rows of numbers that were looked up by integers; picking among integers is no such thing."""
        ids = next((value for value in _flat(args) if _is_ids(value)), None)
        looked_up = isinstance(out, Tensor) and (out.is_floating_point() or name == "one_hot")
        if ids is not None and looked_up and ids.dim() in (1, 2) and len(self._lookups) < _MOST_LOOKUPS:
            self._lookups.append(ids.detach().clone())

    def _see_product(self, out: Tensor) -> None:
        if out.shape[-1] != self.vocab or len(self.forwards) >= _MOST_FORWARDS:
            return
        if self._lookups or not self.forwards:
            self.forwards.append(Forward(self._lookups))
        self.forwards[-1].see(out)
        self._lookups = []

    def _see_bent(self, name: str, args: tuple[Any, ...], out: Tensor) -> None:
        tensors = [value for value in args if isinstance(value, Tensor)]
        every = [tensor for tensor in tensors if tensor.numel() > 1]
        learned = any(tensor.requires_grad for tensor in tensors if tensor.numel() == 1)  # a scale
        if len(every) == 1:  # with other tensors a loss is made of logits
            for piece in self.forwards[-1].pieces:
                piece.bend(every[0], out, caps=learned or name in _CAPS)

    def _around_backward(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def backward(*args: Any, **kwargs: Any) -> Any:
            with contextlib.suppress(Exception):
                self._note_backward()
            return original(*args, **kwargs)

        return backward

    def _around_grad(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """torch.autograd.grad returns gradients and adds to none: nothing can be stale."""
        asked = False  # it calls itself once when a function mode is on

        @functools.wraps(original)
        def grad(*args: Any, **kwargs: Any) -> Any:
            nonlocal asked
            if asked:
                return original(*args, **kwargs)
            self._gradients.note_none()
            asked = True
            try:
                return original(*args, **kwargs)
            finally:
                asked = False

        return grad

    def _note_backward(self) -> None:
        known = [(self._leaves[key], value) for key, value in self._before.items()]
        self._gradients.note([leaf for leaf, before in known if not torch.equal(leaf.detach(), before)])
        self._before = {key: leaf.detach().clone() for key, leaf in self._leaves.items()}


class StaleWatch:
    """Gradients of an earlier step at each backward pass, seen cheaply enough for a whole training.

    The leaves are those of the first pass; one has moved when it was written to, by torch's own count. One
    that is written past that count, by `.data` or a fused step, is known by its values.
    """

    def __init__(self) -> None:
        self._gradients = StaleGradients()
        self._leaves: list[Tensor] = []
        self._versions: list[int] = []
        self._values: dict[int, Tensor] = {}  # at the last pass, of leaves that were never written by count
        self._stack = contextlib.ExitStack()

    @property
    def stale(self) -> list[int]:
        return self._gradients.counts

    def __enter__(self) -> StaleWatch:
        self._stack.enter_context(_patched(torch.autograd, "backward", self._around_backward))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _around_backward(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            with contextlib.suppress(Exception):
                self._note(tensors)
            return original(tensors, *args, **kwargs)

        return backward

    def _note(self, tensors: Any) -> None:
        if not self._leaves:
            self._leaves = _leaves_of(tensors if isinstance(tensors, (tuple, list)) else [tensors])
            self._versions = [leaf._version for leaf in self._leaves]
            self._values = {i: leaf.detach().clone() for i, leaf in enumerate(self._leaves)}
        self._gradients.note([leaf for i, leaf in enumerate(self._leaves) if self._has_moved(i, leaf)])

    def _has_moved(self, i: int, leaf: Tensor) -> bool:
        if leaf._version != self._versions[i]:
            self._versions[i] = leaf._version
            self._values.pop(i, None)
            return True
        if i not in self._values or torch.equal(leaf.detach(), self._values[i]):
            return False
        self._values[i] = leaf.detach().clone()
        return True


def _leaves_of(tensors: Iterable[Tensor]) -> list[Tensor]:
    """The parameters that a graph's gradients will be added to."""
    waiting = [tensor.grad_fn for tensor in tensors]
    seen, leaves = set[Any](), list[Tensor]()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if (leaf := getattr(node, "variable", None)) is not None:
            leaves.append(leaf)
        waiting += [following for following, _ in node.next_functions]
    return leaves


class WatchFunctions(TorchFunctionMode):
    """Shows each torch function's name, arguments and result to `see`, and changes none of them."""

    def __init__(self, see: Callable[[str, tuple[Any, ...], Any], None]):
        super().__init__()
        self._see = see

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        with contextlib.suppress(Exception):
            self._see(getattr(func, "__name__", ""), (*args, *(kwargs or {}).values()), out)
        return out


@contextlib.contextmanager
def _patched(owner: Any, name: str, around: Callable[[Any], Any]) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, around(original))
    try:
        yield
    finally:
        setattr(owner, name, original)


def _flat(values: tuple[Any, ...]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (tuple, list)):
            yield from value
        else:
            yield value


def _is_ids(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype in (torch.int64, torch.int32)
