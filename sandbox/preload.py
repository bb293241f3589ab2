"""Warms one torch process for all the runs to come: whatever is imported here costs no run anything.

What is worth warming was measured (docs/sandbox.md): imports, above all torch._dynamo, which the first
optimizer would pull in. Forward and backward passes gain nothing, since their pages are copied anyway.
"""

from __future__ import annotations

import gc
import importlib
import random
import tempfile
from pathlib import Path
from types import ModuleType

from sandbox.root import SCRATCH

_TORCH = (
    "torch",
    "torch.nn",
    "torch.nn.functional",
    "torch.optim",
    "torch.optim.lr_scheduler",
    "torch._dynamo",
    "torch.utils.data",
    "torch.distributions",
    "torch.amp",
    "torch.profiler",
    "torch.utils.serialization",
    "torch._subclasses.schema_check_mode",
    "numpy",
)
_STANDARD = """
    math random statistics json dataclasses contextlib typing inspect traceback linecache string collections
    functools itertools copy re argparse datetime textwrap pprint encodings.idna encodings.latin_1
    encodings.ascii
"""


def warm(modules: tuple[str, ...]) -> str:
    """Imports torch and `modules`, takes one step of each common optimizer; returns torch's version."""
    gc.disable()
    if Path(SCRATCH).is_dir():  # absent where the host forbids us a root of our own
        tempfile.tempdir = SCRATCH
    for name in (*_STANDARD.split(), *_TORCH):
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    random.seed(0)
    torch.manual_seed(0)
    _step_optimizers(torch)
    _walk_forward(torch)
    torch.compile(torch.nn.Linear(2, 2))  # switched off by the environment, but it looks around once
    for name in modules:
        importlib.import_module(name)
    gc.enable()
    gc.collect()
    gc.freeze()  # a collection in a child would touch, and so copy, every page of ours
    return str(torch.__version__)


def _step_optimizers(torch: ModuleType) -> None:
    for optimizer in (torch.optim.AdamW, torch.optim.SGD, torch.optim.Adam):
        layer = torch.nn.Linear(4, 4)
        for parameter in layer.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer(layer.parameters(), lr=0.1).step()


def _walk_forward(torch: ModuleType) -> None:
    """One pass through the operations of a small transformer, without a graph."""
    functional = torch.nn.functional
    with torch.no_grad():
        idx = torch.zeros((1, 4), dtype=torch.long)  # (B, T)
        x = torch.nn.Embedding(8, 8)(idx)  # (B, T, C)
        x = torch.nn.LayerNorm(8)(torch.nn.Dropout(0.1)(functional.gelu(torch.nn.Linear(8, 8)(x))))
        heads = x.view(1, 4, 2, 4).transpose(1, 2)  # (B, H, T, D)
        functional.scaled_dot_product_attention(heads, heads, heads, is_causal=True)
        probabilities = functional.softmax(x[:, -1, :], dim=-1)  # (B, vocab)
        torch.cat((idx, torch.multinomial(probabilities, 1)), dim=1)
        torch.topk(probabilities, 2)
        functional.cross_entropy(x.view(-1, 8), idx.view(-1))
