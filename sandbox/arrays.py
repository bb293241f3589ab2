"""Torch tensors to arrays on the wire and back; used at both ends."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sandbox.calls import Array

_ON_WIRE = {torch.int64: "int64", torch.float32: "float32", torch.float64: "float64"}


def to_array(tensor: Tensor) -> Array:
    """The array of a tensor; other integers travel as int64, other floats as float32."""
    tensor = tensor.detach()
    if tensor.dtype not in _ON_WIRE:
        tensor = tensor.to(torch.float32 if tensor.is_floating_point() else torch.int64)
    return Array(_ON_WIRE[tensor.dtype], tuple(tensor.shape), tensor.contiguous().numpy().tobytes())


def to_tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.frombuffer(array.data, dtype=array.dtype).reshape(array.shape).copy())
