"""What a submission returns is no tensor, number or text as one would expect it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import Limits
from sandbox.job import MIB
from tests.conftest import HARMLESS
from tests.sandbox.escapes.registry import each, scenario, several

if TYPE_CHECKING:
    from tests.conftest import Jailed

pytestmark = [pytest.mark.jail, pytest.mark.timeout(120)]

_LONG = Limits(wall_s=10)  # where an end of its own is waited for

_LIMITS = Limits(wall_s=1, examine_s=10, memory_bytes=512 * MIB)
_MADE = HARMLESS.partition("if __name__")[0]

# Bodies of what takes the place of the model's forward pass; `self.scale` is its one parameter.
LOGITS = several(
    "tensors",
    {
        "answer with 10^12 numbers that are one": "return self.scale.expand(1 << 20, 1 << 10, 1 << 10)",
        "answer with strides of its own": "return torch.as_strided(torch.zeros(8) * self.scale, (*idx.shape, 4), (0, 0, 1))",
        "answer with a tensor that has no memory": "return torch.zeros(*idx.shape, 4, device='meta')",
        "answer with a sparse tensor": "return torch.zeros(*idx.shape, 4).to_sparse()",
        "answer with complex numbers": "return torch.zeros(*idx.shape, 4, dtype=torch.complex64)",
        "answer with truths": "return torch.zeros(*idx.shape, 4, dtype=torch.bool)",
        "answer with a nested tensor": "return torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])",
        "answer with a tensor of 40 dimensions": "return torch.zeros([1] * 40)",
        "answer with no tensor": "return object()",
        "answer with itself": "return self",
        "answer with a mapping that contains itself": "out = {}\n        out['logits'] = out\n        return out",
        "answer with a mapping that has no end": "class E(dict):\n            def get(self, *rest): return E()\n        return E(a=1)",
        "answer with a tensor that overrides every function": (
            "class Evil(torch.Tensor):\n            @classmethod\n            def __torch_function__(cls, func, types, args=(), kwargs=None):\n"
            "                raise SystemExit(0)\n        return torch.zeros(*idx.shape, 4).as_subclass(Evil)"
        ),
        "answer with a tensor whose end never ends": (
            "class Evil(torch.Tensor):\n            def __del__(self):\n                while True: pass\n"
            "        return torch.zeros(*idx.shape, 4).as_subclass(Evil)"
        ),
        "answer with a tensor that rebuilds itself by a call": (
            "class Evil(torch.Tensor):\n            def __reduce_ex__(self, protocol): return (exec, ('import os; os._exit(0)',))\n"
            "        return torch.zeros(*idx.shape, 4).as_subclass(Evil)"
        ),
        "exit in the middle of a forward pass": "raise SystemExit(0)",
        "interrupt the examination": "raise KeyboardInterrupt",
        "be a generator that was closed": "raise GeneratorExit",
    },
    held_by="made plain arrays in its own process; bounds in the examiner",
)
# What takes the place of other parts of the file.
PARTS = several(
    "tensors",
    {
        "return losses without end": "def train(text, steps=1, lr=0.1, seed=0):\n    class L(list):\n        def __iter__(self):\n            while True: yield 1.0\n    return Model(), Tokenizer(), L([1.0])",
        "return losses that lie about their number": "def train(text, steps=1, lr=0.1, seed=0):\n    class L(list):\n        def __len__(self): return 1 << 62\n    return Model(), Tokenizer(), L([1.0])",
        "return losses that are numbers when they like": "def train(text, steps=1, lr=0.1, seed=0):\n    class F(float):\n        def __float__(self): raise SystemExit(0)\n    return Model(), Tokenizer(), [F(1)]",
        "return tokens without end": "class Tokenizer:\n    def encode(self, text):\n        while True: yield 0\n    def decode(self, ids): return ''",
        "return tokens that no integer holds": "class Tokenizer:\n    def encode(self, text): return [1 << 9999]\n    def decode(self, ids): return ''",
        "return a text that lies about its length": "class S(str):\n    def __len__(self): return 1\n    def encode(self, *rest): raise SystemExit(0)\ndef generate(model, tokenizer, prompt, max_new_tokens):\n    return S('x' * 2_000_000)",
        "return a text of half characters": "def generate(model, tokenizer, prompt, max_new_tokens):\n    return '\\ud800' * 40",
        "return a text of control characters": "def generate(model, tokenizer, prompt, max_new_tokens):\n    return '\\x1b[2J\\u202e\\0' * 40",
        "return a model whose parameters have no end": "class Model(torch.nn.Module):\n    def named_parameters(self, *rest, **more):\n        while True: yield 'x', torch.nn.Parameter(torch.zeros(()))\n    def forward(self, idx): return torch.zeros(*idx.shape, 4)",
        "return a model that can't be copied, for ever": "true = Model\nclass Model(true):\n    def __deepcopy__(self, memo):\n        while True: pass",
        "return a model that is copied by exiting": "true = Model\nclass Model(true):\n    def __deepcopy__(self, memo): raise SystemExit(0)\n    def __reduce_ex__(self, protocol): return (exec, ('import os; os._exit(0)',))",
        "return a model whose attributes lie": "true = Model\nclass Model(true):\n    def __getattribute__(self, name):\n        if name == 'modules': raise SystemExit(0)\n        return super().__getattribute__(name)",
        "return a model whose class lies": "class M(type):\n    def __instancecheck__(cls, other): return True\n    def __call__(cls, *rest, **more): return cls\nclass Model(metaclass=M): pass",
        "return a model with 100000 modules": "true = Model\nclass Model(true):\n    def __init__(self):\n        super().__init__()\n        self.many = torch.nn.ModuleList(torch.nn.Identity() for _ in range(20_000))",
        "return a model with a name of 60000 characters": "class Model(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n        for end in 'abc': self.register_parameter('é' * 60_000 + end, torch.nn.Parameter(torch.zeros(4, 4)))\n    def forward(self, idx): return torch.zeros(*idx.shape, 4)",
        "take what it is called with for something else": "def train(*args, **kwargs):\n    kwargs.clear()\n    return train\ntrain.__signature__ = 7",
        "have a signature that never ends": "class F:\n    @property\n    def __signature__(self):\n        while True: pass\n    def __call__(self, *rest, **more): pass\ntrain = F()",
        "hook every tensor": "import torch.overrides\nclass Mode(torch.overrides.TorchFunctionMode):\n    def __torch_function__(self, func, types, args=(), kwargs=None): raise SystemExit(0)\nMode().__enter__()",
        "hook every operator": "from torch.utils._python_dispatch import TorchDispatchMode\nclass Mode(TorchDispatchMode):\n    def __torch_dispatch__(self, func, types, args=(), kwargs=None): return None\nMode().__enter__()",
    },
    held_by="what came is checked where it is used, and any exception is the submission's",
)


@each(LOGITS, core=4)
def test_logits_of_any_kind_are_a_verdict(jail: Jailed, attack: str) -> None:
    evil = f"\nclass Model(Model):\n    def forward(self, idx):\n        {attack}\n"
    assert jail.run(_MADE + evil, kind="check", limits=_LIMITS).verdict["outcome"] == "failed"


@each(PARTS, core=4)
def test_parts_of_any_kind_are_a_verdict(jail: Jailed, attack: str) -> None:
    assert jail.run(f"{_MADE}\n{attack}\n", kind="check", limits=_LIMITS).verdict["outcome"] == "failed"


@scenario(
    "torch.load pickle RCE inside",
    held_by="what it loads it runs in its own jail; nothing of it is unpickled outside",
)
def test_a_pickle_that_calls_something_calls_it_inside(jail: Jailed) -> None:
    ran = jail.attack(
        """
        import io, os, torch
        class Evil:
            def __reduce__(self):
                return (os.system, ("echo out",))
        file = io.BytesIO()
        torch.save(Evil(), file)
        file.seek(0)
        print(torch.load(file, weights_only=False))
    """,
        limits=_LONG,
    )
    assert "out\n" not in ran.text()


@scenario("uses torch.set_num_threads(64)", held_by="OMP_THREAD_LIMIT")
def test_more_threads_than_there_may_be_are_held_at_the_bound(jail: Jailed) -> None:
    ran = jail.attack(
        """
        import torch
        torch.set_num_threads(64)
        print(float((torch.ones(300, 300) @ torch.ones(300, 300)).sum()))
    """,
        limits=Limits(wall_s=10),
    )
    assert ran.text() == "27000000.0\n"


_NO_PROCESSES = several(
    "tensors",
    {
        "load data in other processes": "list(torch.utils.data.DataLoader(range(4), num_workers=2))",
        "compute in a pool of processes": "multiprocessing.Pool(2).map(abs, range(4))",
        "spawn a process of multiprocessing": "torch.multiprocessing.spawn(print, nprocs=1)",
    },
    rows={
        "load data in other processes": ("DataLoader(num_workers=2)",),
        "compute in a pool of processes": ("multiprocessing.Pool",),
    },
    held_by="seccomp: the exception has a line",
)


@each(_NO_PROCESSES, core=2)
def test_a_library_that_wants_processes_gets_an_exception(jail: Jailed, attack: str) -> None:
    ran = jail.attack(f"import multiprocessing, torch, torch.multiprocessing\n{attack}", limits=_LONG)
    assert ran.failure == "exception"
    assert "Error" in ran.verdict["failure"]["message"]


@scenario("torch.compile (needs gcc+fork)", held_by="TORCH_COMPILE_DISABLE")
def test_compiling_a_model_does_nothing_and_hangs_nowhere(jail: Jailed) -> None:
    ran = jail.attack(
        """
        import torch
        print(torch.compile(torch.nn.Linear(2, 3))(torch.ones(1, 2)).shape)
    """,
        limits=Limits(wall_s=10),
    )
    assert ran.text() == "torch.Size([1, 3])\n"
