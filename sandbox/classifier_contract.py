"""The file contracts of the two classifiers: of a whole text, and of each of its tokens."""

from __future__ import annotations

import inspect
import types
from typing import Any

from torch import Tensor, nn

from sandbox.contract import find_logits, function_named, kind_of, numbers_of, signature_of
from sandbox.failures import ContractError

_TRAIN = "train(steps=..., lr=..., seed=0) -> (model, losses)"
_CONFIG = "GPTConfig() with a default for every field"
_CLASSES = "(config, num_classes)"
_MODEL = "model(idx, mask=None) with idx and mask (B, T) gives logits (B, num_classes)"
_TOKENS = "model.classify(idx) with idx (B, T) gives logits (B, T, 2)"


def check_names(module: types.ModuleType) -> None:
    """Raises ContractError for a name that a classifier of texts lacks, or that can't be called as agreed."""
    _check_train(module)
    _check_config(module)
    _check_model(module, "GPTClassifier", _CLASSES, 2)


def check_token_names(module: types.ModuleType) -> None:
    """The same for a classifier of tokens."""
    _check_train(module)
    _check_config(module)
    model = _check_model(module, "GPT", "(config)", 1)
    if not callable(getattr(model, "classify", None)):
        raise ContractError(f"`GPT` has no `classify`. Expected {_TOKENS}.")


def build(module: types.ModuleType | None, classes: int) -> nn.Module:
    """An untrained classifier of the default size with as many classes as asked for."""
    model = module.GPTClassifier(module.GPTConfig(), classes)  # type: ignore[union-attr]
    if not isinstance(model, nn.Module):
        raise ContractError(f"`GPTClassifier` gave {kind_of(model)}. Expected a torch.nn.Module.")
    return model


def call_train(module: types.ModuleType | None, options: dict[str, Any]) -> tuple[Any, list[float]]:
    """What train(**options) returned, both parts checked."""
    result = module.train(**options)  # type: ignore[union-attr]
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise ContractError(f"`train` returned {kind_of(result)}. Expected {_TRAIN}.")
    model, losses = result
    if not isinstance(model, nn.Module):
        raise ContractError(
            f"The model that `train` returned is {kind_of(model)}. Expected a torch.nn.Module."
        )
    return model, numbers_of(losses)


def call_model(model: nn.Module, ids: Tensor, mask: Tensor | None) -> Tensor:
    """The logits of a text each, meant to be (B, num_classes); the mask (B, T) counts where it isn't 0."""
    output = model(ids) if mask is None else model(ids, mask != 0)
    return _scores(output, expected=_MODEL)


def call_classify(model: nn.Module, ids: Tensor) -> Tensor:
    """The logits of each token's two classes, meant to be (B, T, 2)."""
    return _scores(model.classify(ids), expected=_TOKENS)  # type: ignore[operator]


def _scores(output: Any, *, expected: str) -> Tensor:
    logits = find_logits(output)
    if logits is None:
        raise ContractError(f"The model returned {kind_of(output)}. Expected: {expected}.")
    return logits


def _check_train(module: types.ModuleType) -> None:
    signature = signature_of(function_named(module, "train", _TRAIN))
    if signature is None:
        return
    parameters = signature.parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name in ("steps", "lr", "seed"):
        if name not in parameters and not takes_any:
            raise ContractError(f"`train` takes no `{name}`. Expected {_TRAIN}.")
        if name in parameters and parameters[name].kind is inspect.Parameter.POSITIONAL_ONLY:
            raise ContractError(f"`train` takes no `{name}` by its name. Expected {_TRAIN}.")
    _must_bind(signature, (), f"`train` can't be called without a value. Expected {_TRAIN}.")


def _check_config(module: types.ModuleType) -> None:
    signature = signature_of(function_named(module, "GPTConfig", _CONFIG))
    if signature is not None:
        _must_bind(signature, (), f"`GPTConfig` can't be called without a value. Expected {_CONFIG}.")


def _check_model(module: types.ModuleType, name: str, form: str, count: int) -> Any:
    model = function_named(module, name, f"{name}{form}")
    signature = signature_of(model)
    if signature is not None:
        message = f"`{name}` can't be made from {form}. Expected {name}{form}."
        _must_bind(signature, tuple(range(count)), message)
    return model


def _must_bind(signature: inspect.Signature, values: tuple[int, ...], message: str) -> None:
    try:
        signature.bind(*values)
    except TypeError as error:
        raise ContractError(f"{message.rstrip('.')} ({error}).") from error
