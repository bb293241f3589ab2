"""The file contract of a submission: what its names must be, and calls that say in words what is not so."""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor, nn

from sandbox.failures import ContractError

_TRAIN = "train(text, steps=..., lr=..., seed=0) -> (model, tokenizer, losses)"
_GENERATE = "generate(model, tokenizer, prompt, max_new_tokens) -> str"
_MODEL = "model(idx) with idx (B, T) gives logits (B, T, vocab)"
_MOST_CHARACTERS = 100_000
_MOST_LOSSES = 200_000


class HasModel(Protocol):
    model: nn.Module
    tokenizer: Any


def check_names(module: types.ModuleType) -> None:
    """Raises ContractError for a name that is missing or can't be called as agreed."""
    train = function_named(module, "train", _TRAIN)
    signature = signature_of(train)
    if signature is not None:
        _check_train(signature)
    generate = function_named(module, "generate", _GENERATE)
    signature = signature_of(generate)
    if signature is not None and not takes_by_name(signature):
        raise ContractError(f"`generate` can't be called with four values. Expected {_GENERATE}.")


def call_train(
    module: types.ModuleType | None, text: str, options: dict[str, Any]
) -> tuple[Any, Any, list[float]]:
    """What train(text, **options) returned, its three parts checked."""
    result = module.train(text, **options)  # type: ignore[union-attr]
    if not isinstance(result, (tuple, list)) or len(result) != 3:
        raise ContractError(f"`train` returned {kind_of(result)}. Expected {_TRAIN}.")
    model, tokenizer, losses = result
    if not isinstance(model, nn.Module):
        raise ContractError(
            f"The model that `train` returned is {kind_of(model)}. Expected a torch.nn.Module."
        )
    for name in ("encode", "decode"):
        if not callable(getattr(tokenizer, name, None)):
            raise ContractError(
                f"The tokenizer that `train` returned has no `{name}`."
                " Expected encode(str) -> list[int] and decode(list[int]) -> str."
            )
    _thaw(model)
    return model, tokenizer, numbers_of(losses)


def call_model(model: nn.Module, ids: Tensor) -> Tensor:
    """The logits (B, T, V) of a forward pass, whatever they are wrapped in."""
    logits = find_logits(_forward(model, ids))
    if logits is None:
        raise ContractError(f"The model returned no tensor of logits. Expected: {_MODEL}.")
    return logits


def find_logits(output: Any) -> Tensor | None:
    """The tensor of logits in a model's output: itself, in a tuple, under "logits" or as .logits."""
    if isinstance(output, Tensor):
        return output
    if isinstance(output, dict):
        return find_logits(output.get("logits", list(output.values())))
    if isinstance(getattr(output, "logits", None), Tensor):
        return output.logits  # type: ignore[no-any-return]
    if isinstance(output, (tuple, list)):
        tensors = [value for value in output if isinstance(value, Tensor) and value.is_floating_point()]
        return max(tensors, key=lambda tensor: min(tensor.dim(), 3), default=None)
    return None


def call_generate(
    module: types.ModuleType | None, held: HasModel, prompt: str, new_tokens: int, *, name: str = "generate"
) -> str:
    """What the file's generation of this name makes of a prompt."""
    generate = getattr(module, name)
    values = (held.model, held.tokenizer, prompt, new_tokens)
    signature = signature_of(generate)
    arguments = signature and _bound(signature, dict(zip(_GENERATE_ARGUMENTS, values, strict=True)))
    text = generate(*arguments.args, **arguments.kwargs) if arguments else generate(*values)
    if not isinstance(text, str):
        expected = _GENERATE.replace("generate", name)
        raise ContractError(f"`{name}` returned {kind_of(text)}. Expected {expected}.")
    if len(text) > _MOST_CHARACTERS:
        raise ContractError(
            f"`{name}` returned {len(text)} characters when {new_tokens} new ones were asked for."
        )
    return text


def call_encode(tokenizer: Any, text: str) -> list[int]:
    ids = tokenizer.encode(text)
    ids = ids.tolist() if hasattr(ids, "tolist") else ids
    try:
        return [int(i) for i in ids]
    except (TypeError, ValueError) as error:
        message = f"`tokenizer.encode` returned {kind_of(ids)}. Expected encode(str) -> list[int]."
        raise ContractError(message) from error


def call_decode(tokenizer: Any, ids: list[int]) -> str:
    text = tokenizer.decode(ids)
    if not isinstance(text, str):
        raise ContractError(
            f"`tokenizer.decode` returned {kind_of(text)}. Expected decode(list[int]) -> str."
        )
    return text[:_MOST_CHARACTERS]


_GENERATE_ARGUMENTS = {"model": None, "tokenizer": None, "prompt": None, "max_new_tokens": None}


def _thaw(model: nn.Module) -> None:
    """A model all of which is frozen was frozen when it was done, as copies of averaged weights are."""
    if not any(parameter.requires_grad for parameter in model.parameters()):
        model.requires_grad_(True)


def function_named(module: types.ModuleType, name: str, expected: str) -> Callable[..., Any]:
    value = getattr(module, name, None)
    if value is None:
        raise ContractError(f"`{name}` is missing. Expected {expected}.")
    if not callable(value):
        raise ContractError(f"`{name}` is {kind_of(value)}, not a function. Expected {expected}.")
    return value  # type: ignore[no-any-return]


def _check_train(signature: inspect.Signature) -> None:
    parameters = signature.parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name in ("steps", "lr", "seed"):
        parameter = parameters.get(name)
        if parameter is None and not takes_any:
            raise ContractError(f"`train` takes no `{name}`. Expected {_TRAIN}.")
        if parameter is not None and parameter.kind is parameter.POSITIONAL_ONLY:
            raise ContractError(f"`train` takes no `{name}` by its name. Expected {_TRAIN}.")
        if parameter is not None and parameter.default is parameter.empty:
            raise ContractError(f"`train` has no default for `{name}`. Expected {_TRAIN}.")
    try:
        signature.bind("text")
    except TypeError as error:
        raise ContractError(
            f"`train` can't be called with a text alone ({error}). Expected {_TRAIN}."
        ) from error


def takes_by_name(signature: inspect.Signature) -> bool:
    """Whether it is a generation that can be called, if with names for its last two values."""
    return _bound(signature, _GENERATE_ARGUMENTS) is not None


def _bound(signature: inspect.Signature, values: dict[str, Any]) -> inspect.BoundArguments | None:
    """The values by position, else by name."""
    try:
        return signature.bind(*values.values())
    except TypeError:
        pass
    try:
        model, tokenizer, *_ = values.values()
        named = {key: values[key] for key in ("prompt", "max_new_tokens")}
        return signature.bind(model, tokenizer, **named)
    except TypeError:
        return None


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _forward(model: nn.Module, ids: Tensor) -> Any:
    """model(ids); a forward that insists on targets gets None for them."""
    try:
        return model(ids)
    except TypeError as error:
        if "required positional argument" not in str(error):
            raise
        return model(ids, None)


def numbers_of(losses: Any) -> list[float]:
    if isinstance(losses, Tensor):
        losses = losses.flatten().tolist()
    if not isinstance(losses, (list, tuple)):
        raise ContractError(
            f"The losses that `train` returned are {kind_of(losses)}. Expected a list of floats."
        )
    if len(losses) > _MOST_LOSSES:
        raise ContractError(f"`train` returned {len(losses)} losses. Expected one float a step.")
    try:
        numbers = [float(loss) for loss in losses]
    except (TypeError, ValueError, RuntimeError) as error:
        raise ContractError(
            "The losses that `train` returned are not numbers. Expected one float a step."
        ) from error
    return [number if math.isfinite(number) else math.nan for number in numbers]


def kind_of(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"{len(value)} values"
    return f"a value of type {type(value).__name__}"
