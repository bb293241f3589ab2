"""What a model says of itself: its parameters, the modules they belong to, the numbers it declares."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

# the names under which programs keep these numbers; the first that is found counts
_NAMES = {
    "n_head": ("n_head", "n_heads", "num_heads", "nhead", "num_attention_heads", "heads"),
    "n_layer": ("n_layer", "n_layers", "num_layers", "nlayers", "num_hidden_layers"),
    "block_size": ("block_size", "context_length", "max_len", "max_seq_len", "ctx_len", "n_positions"),
}


def describe_parameters(model: nn.Module) -> list[dict[str, Any]]:
    """Name, shape and whether it is trained."""
    return [
        {"name": name, "shape": list(parameter.shape), "trained": parameter.requires_grad}
        for name, parameter in model.named_parameters()
    ]


def declared_numbers(model: nn.Module, module: types.ModuleType | None) -> dict[str, int]:
    """Heads, layers and context as the model, its configuration or the file's constants state them."""
    places = list(_places(model, module))
    found = {}
    for key, names in _NAMES.items():
        values = [_number(place, name) for place in places for name in names]
        if counts := [value for value in values if value is not None]:
            found[key] = counts[0]
    return found


def _places(model: nn.Module, module: types.ModuleType | None) -> Iterator[Any]:
    for part in model.modules():
        yield from (
            value for key, value in vars(part).items() if not key.startswith("_") and _has_names(value)
        )
        yield part
    yield {key.lower(): value for key, value in vars(module).items()} if module is not None else {}


def _has_names(value: Any) -> bool:
    return not isinstance(value, (nn.Module, Tensor, type, str, int, float)) and not callable(value)


def _number(place: Any, name: str) -> int | None:
    value = place.get(name) if isinstance(place, dict) else getattr(place, name, None)
    return value if type(value) is int and 0 < value < 1 << 20 else None
