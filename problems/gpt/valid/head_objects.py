# category: per-head-modules, dataclass-configuration, adam, clipping, type-hints
"""Character-level GPT, composed from small, separately testable parts."""
from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from typing import Callable, Iterator, Protocol, Sequence, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

log = logging.getLogger(__name__)


# ------------------------------------------------------------------ contracts
@runtime_checkable
class Tokenizer(Protocol):
    @property
    def vocab_size(self) -> int: ...
    def encode(self, text: str) -> list[int]: ...
    def decode(self, ids: Sequence[int]) -> str: ...


class LanguageModel(Protocol):
    def __call__(self, idx: Tensor) -> Tensor: ...


# -------------------------------------------------------------- configuration
@dataclass(frozen=True, slots=True)
class ModelConfig:
    vocab_size: int
    context: int = 160
    width: int = 48
    heads: int = 3
    depth: int = 2
    expansion: int = 4
    init_std: float = 0.02

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError("width must be divisible by heads")

    @property
    def head_width(self) -> int:
        return self.width // self.heads


@dataclass(frozen=True, slots=True)
class TrainConfig:
    steps: int
    lr: float
    betas: tuple[float, float] = (0.9, 0.95)
    max_grad_norm: float = 1.0
    seed: int = 0


@dataclass(slots=True)
class History:
    losses: list[float] = field(default_factory=list)

    def record(self, value: float) -> None:
        self.losses.append(value)


# ------------------------------------------------------------------ tokenizer
@dataclass(frozen=True)
class CharTokenizer:
    alphabet: tuple[str, ...]
    index: dict[str, int]

    @classmethod
    def fit(cls, text: str) -> "CharTokenizer":
        alphabet = tuple(sorted(set(text)))
        return cls(alphabet, {ch: i for i, ch in enumerate(alphabet)})

    @property
    def vocab_size(self) -> int:
        return len(self.alphabet)

    def encode(self, text: str) -> list[int]:
        return [self.index[ch] for ch in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.alphabet[int(i)] for i in ids)


# ---------------------------------------------------------------------- model
class CausalHead(nn.Module):
    """One attention head; heads are concatenated by `MultiHead`."""

    def __init__(self, cfg: ModelConfig) -> None:
        super().__init__()
        self.query = nn.Linear(cfg.width, cfg.head_width, bias=False)
        self.key = nn.Linear(cfg.width, cfg.head_width, bias=False)
        self.value = nn.Linear(cfg.width, cfg.head_width, bias=False)
        self.scale = 1.0 / math.sqrt(cfg.head_width)

    def forward(self, x: Tensor) -> Tensor:
        t = x.shape[1]
        scores = self.query(x) @ self.key(x).mT * self.scale
        future = torch.ones(t, t, dtype=torch.bool, device=x.device).triu(diagonal=1)
        weights = scores.masked_fill(future, float("-inf")).softmax(dim=-1)
        return weights @ self.value(x)


class MultiHead(nn.Module):
    def __init__(self, cfg: ModelConfig) -> None:
        super().__init__()
        self.heads = nn.ModuleList([CausalHead(cfg) for _ in range(cfg.heads)])
        self.merge = nn.Linear(cfg.width, cfg.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.merge(torch.cat([head(x) for head in self.heads], dim=-1))


class FeedForward(nn.Module):
    def __init__(self, cfg: ModelConfig) -> None:
        super().__init__()
        self.up = nn.Linear(cfg.width, cfg.expansion * cfg.width)
        self.down = nn.Linear(cfg.expansion * cfg.width, cfg.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x)))


class PreNormResidual(nn.Module):
    """x + f(norm(x))"""

    def __init__(self, width: int, inner: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(self.norm(x))


class Block(nn.Module):
    def __init__(self, cfg: ModelConfig) -> None:
        super().__init__()
        self.attend = PreNormResidual(cfg.width, MultiHead(cfg))
        self.think = PreNormResidual(cfg.width, FeedForward(cfg))

    def forward(self, x: Tensor) -> Tensor:
        x = self.attend(x)
        x = self.think(x)
        return x


class CharGPT(nn.Module):
    def __init__(self, cfg: ModelConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.token = nn.Embedding(cfg.vocab_size, cfg.width)
        self.position = nn.Embedding(cfg.context, cfg.width)
        self.blocks = nn.ModuleList(Block(cfg) for _ in range(cfg.depth))
        self.norm = nn.LayerNorm(cfg.width)
        self.unembed = nn.Linear(cfg.width, cfg.vocab_size, bias=False)
        self.apply(self._initialise)

    def _initialise(self, module: nn.Module) -> None:
        match module:
            case nn.Linear():
                nn.init.normal_(module.weight, std=self.cfg.init_std)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            case nn.Embedding():
                nn.init.normal_(module.weight, std=self.cfg.init_std)

    def forward(self, idx: Tensor) -> Tensor:
        _, t = idx.shape
        if t > self.cfg.context:
            raise ValueError(f"{t} tokens do not fit a context of {self.cfg.context}")
        x = self.token(idx) + self.position(torch.arange(t, device=idx.device))
        for block in self.blocks:
            x = block(x)
        return self.unembed(self.norm(x))


# ------------------------------------------------------------------- training
@dataclass
class Trainer:
    model: nn.Module
    cfg: TrainConfig
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=self.cfg.lr, betas=self.cfg.betas)

    @staticmethod
    def next_token_loss(model: Callable[[Tensor], Tensor], ids: Tensor) -> Tensor:
        logits = model(ids[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())

    def step(self, ids: Tensor) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.next_token_loss(self.model, ids)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.cfg.max_grad_norm)
        self.optimizer.step()
        return loss.item()

    def fit(self, ids: Tensor) -> History:
        self.model.train()
        for n in range(self.cfg.steps):
            self.history.record(self.step(ids))
            log.debug("step %d loss %.4f", n, self.history.losses[-1])
        self.model.eval()
        return self.history


def train(text: str, steps: int = 60, lr: float = 3e-3, seed: int = 0):
    torch.manual_seed(seed)
    tokenizer = CharTokenizer.fit(text)
    assert isinstance(tokenizer, Tokenizer)
    model = CharGPT(ModelConfig(vocab_size=tokenizer.vocab_size))
    trainer = Trainer(model, TrainConfig(steps=steps, lr=lr, seed=seed))
    ids = torch.tensor(tokenizer.encode(text), dtype=torch.long).unsqueeze(0)
    history = trainer.fit(ids)
    return model, tokenizer, history.losses


# ----------------------------------------------------------------- generation
def greedy(model: LanguageModel, ids: list[int], context: int) -> Iterator[int]:
    """Endless stream of the likeliest next tokens."""
    ids = list(ids)
    while True:
        with torch.no_grad():
            logits = model(torch.tensor([ids[-context:]], dtype=torch.long))
        nxt = int(logits[0, -1].argmax())
        ids.append(nxt)
        yield nxt


def generate(model, tokenizer: Tokenizer, prompt: str, max_new_tokens: int) -> str:
    was_training = model.training
    model.eval()
    try:
        ids = tokenizer.encode(prompt)
        stream = greedy(model, ids, model.cfg.context)
        new = [next(stream) for _ in range(max_new_tokens)]
    finally:
        model.train(was_training)
    return tokenizer.decode(ids + new)


def main() -> None:
    text = "attention is a soft lookup over the past"
    model, tokenizer, losses = train(text)
    print(f"{losses[0]:.3f} -> {losses[-1]:.4f}")
    print(generate(model, tokenizer, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
