"""What the contract `kv_cache` adds to a file: caches, a model that takes them, and generation over them."""

from __future__ import annotations

import inspect
import types
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from sandbox import contract
from sandbox.contract import HasModel, find_logits, kind_of
from sandbox.failures import ContractError

_NEW_CACHES = "new_caches(model) -> list[KVCache], one empty cache for each layer"
_GENERATE = "generate_cached(model, tokenizer, prompt, max_new_tokens) -> str"
_MODEL = "model(idx, caches) with idx (B, T), the new tokens alone, gives their logits (B, T, vocab)"
_NAMES = ("caches", "cache", "kv_caches", "kv_cache")  # wherever the parameter of this name stands
_METHODS = ("length", "get", "update")
_MOST_LAYERS = 256


def check_names(module: types.ModuleType) -> None:
    """Raises ContractError for a name that is missing or can't be called as agreed."""
    contract.check_names(module)
    for name, expected, count in (("new_caches", _NEW_CACHES, 1), ("generate_cached", _GENERATE, 4)):
        function = contract.function_named(module, name, expected)
        if not _takes(function, count):
            values = "one value" if count == 1 else "four values"
            raise ContractError(f"`{name}` can't be called with {values}. Expected {expected}.")


def make_caches(module: types.ModuleType | None, model: nn.Module) -> Sequence[Any]:
    """What the file's own new_caches(model) returned: a cache for each layer, with the given methods."""
    caches = module.new_caches(model)  # type: ignore[union-attr]
    if not isinstance(caches, (list, tuple)) or not caches:
        raise ContractError(f"`new_caches` returned {kind_of(caches)}. Expected {_NEW_CACHES}.")
    if len(caches) > _MOST_LAYERS:
        raise ContractError(f"`new_caches` returned {len(caches)} caches. Expected {_NEW_CACHES}.")
    for name in _METHODS:
        if missing := next((cache for cache in caches if not callable(getattr(cache, name, None))), None):
            raise ContractError(
                f"A cache that `new_caches` returned, {kind_of(missing)}, has no method `{name}`."
                " Expected length(), get() and update(k, v)."
            )
    return caches


def length_of(cache: Any) -> int:
    """How many tokens a cache says it holds."""
    length = cache.length()
    if isinstance(length, Tensor) and length.numel() == 1:
        length = length.item()
    if not isinstance(length, int) or isinstance(length, bool):
        raise ContractError(f"`length()` of a cache returned {kind_of(length)}. Expected an int.")
    return length


def stored_in(cache: Any) -> tuple[Tensor, Tensor] | None:
    """The keys and values that a cache holds; None where it holds none, or in another form."""
    stored = cache.get()
    if not isinstance(stored, (tuple, list)) or len(stored) != 2:
        return None
    k, v = stored
    return (k, v) if isinstance(k, Tensor) and isinstance(v, Tensor) else None


def call_model(model: nn.Module, ids: Tensor, caches: Any) -> Tensor:
    """The logits of a step over the caches, whatever they are wrapped in."""
    name = next((one for one in _parameters(model.forward) if one in _NAMES), None)
    if name is None and not _takes(model.forward, 2):
        raise ContractError(f"The model takes no caches. Expected: {_MODEL}.")
    logits = find_logits(model(ids, **{name: caches}) if name else model(ids, caches))
    if logits is None:
        raise ContractError(f"Over caches the model returned no tensor of logits. Expected: {_MODEL}.")
    return logits


def call_generate(module: types.ModuleType | None, held: HasModel, prompt: str, new_tokens: int) -> str:
    return contract.call_generate(module, held, prompt, new_tokens, name="generate_cached")


def _takes(function: Any, count: int) -> bool:
    """Whether it can be called with so many values; what hides its signature is believed to."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return contract.takes_by_name(signature) if count == 4 else False
    return True


def _parameters(function: Any) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ()
