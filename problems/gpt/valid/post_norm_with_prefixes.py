# category: post-norm, per-head-modules, prefixes, padded-batch, schedule
"""The school of the first transformer: post-norm blocks, one module per head, learnt positions, dropout, ReLU, warm-up then inverse root.

Each batch holds the whole text and a few random prefixes of it, padded on the right; padded targets are not scored.
"""

import string
from typing import Iterator, List, NamedTuple, Tuple

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence

SENTENCE = "attention is a soft lookup over the past"
NOT_SCORED = -100


class Hyperparameters(NamedTuple):
    d_model: int = 64
    n_blocks: int = 2
    n_heads: int = 2
    d_inner: int = 256
    n_positions: int = 160
    p_drop: float = 0.05
    rows: int = 4
    warmup: int = 20


class CharacterVocabulary:
    """The printable ASCII characters, always, and then whatever else the text holds."""

    def __init__(self, extra: str = "") -> None:
        others = sorted(set(extra) - set(string.printable))
        self._chars: Tuple[str, ...] = tuple(string.printable) + tuple(others)
        self._ids = {ch: i for i, ch in enumerate(self._chars)}

    @property
    def size(self) -> int:
        return len(self._chars)

    def encode(self, s: str) -> List[int]:
        return [self._ids[ch] for ch in s]

    def decode(self, ids: List[int]) -> str:
        return "".join([self._chars[i] for i in ids])


class Head(nn.Module):
    def __init__(self, hp: Hyperparameters) -> None:
        super().__init__()
        self.d = hp.d_model // hp.n_heads
        self.query = nn.Linear(hp.d_model, self.d)
        self.key = nn.Linear(hp.d_model, self.d, bias=False)  # a key bias would cancel in the softmax
        self.value = nn.Linear(hp.d_model, self.d)
        self.drop = nn.Dropout(hp.p_drop)
        # zero on and below the diagonal, minus infinity above it
        future = torch.full((hp.n_positions, hp.n_positions), float("-inf")).triu(diagonal=1)
        self.register_buffer("future", future, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        t = x.size(1)
        affinity = torch.bmm(self.query(x), self.key(x).transpose(1, 2)) * self.d**-0.5
        attention = torch.softmax(affinity + self.future[:t, :t], dim=2)
        return torch.bmm(self.drop(attention), self.value(x))


class PostNormBlock(nn.Module):
    def __init__(self, hp: Hyperparameters) -> None:
        super().__init__()
        self.heads = nn.ModuleList([Head(hp) for _ in range(hp.n_heads)])
        self.merge = nn.Linear(hp.d_model, hp.d_model)
        self.norm_a = nn.LayerNorm(hp.d_model)
        self.ffn = nn.Sequential(nn.Linear(hp.d_model, hp.d_inner), nn.ReLU(), nn.Linear(hp.d_inner, hp.d_model))
        self.norm_b = nn.LayerNorm(hp.d_model)
        self.drop = nn.Dropout(hp.p_drop)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heads = torch.cat([head(x) for head in self.heads], dim=2)
        x = self.norm_a(x + self.drop(self.merge(heads)))
        return self.norm_b(x + self.drop(self.ffn(x)))


class LanguageModel(nn.Module):
    def __init__(self, n_symbols: int, hp: Hyperparameters = Hyperparameters()) -> None:
        super().__init__()
        self.hp = hp
        self.symbol = nn.Embedding(n_symbols, hp.d_model)
        self.place = nn.Embedding(hp.n_positions, hp.d_model)
        self.drop = nn.Dropout(hp.p_drop)
        self.blocks = nn.Sequential(*[PostNormBlock(hp) for _ in range(hp.n_blocks)])
        self.bias = nn.Parameter(torch.zeros(n_symbols))
        nn.init.normal_(self.symbol.weight, std=0.05)
        nn.init.normal_(self.place.weight, std=1.0)  # wide, so that long runs of one character can be told apart

    def forward(self, idx: torch.Tensor) -> torch.Tensor:
        places = torch.arange(idx.size(1), device=idx.device)
        x = self.drop(self.symbol(idx) + self.place(places))
        # the symbol table serves as the output layer too; the last block has normed x already
        return torch.nn.functional.linear(self.blocks(x), self.symbol.weight, self.bias)


class PrefixBatches:
    """`count` batches: row 0 is the whole text, the others random prefixes of at least two characters."""

    def __init__(self, ids: List[int], rows: int, count: int, seed: int) -> None:
        self.ids, self.rows, self.count = torch.tensor(ids), rows, count
        self.random = torch.Generator().manual_seed(seed)

    def __iter__(self) -> Iterator[Tuple[torch.Tensor, torch.Tensor]]:
        n = len(self.ids)
        for _ in range(self.count):
            ends = [n] + torch.randint(2, n + 1, (self.rows - 1,), generator=self.random).tolist()
            xs = [self.ids[: e - 1] for e in ends]
            ys = [self.ids[1:e] for e in ends]
            yield (
                pad_sequence(xs, batch_first=True, padding_value=0),
                pad_sequence(ys, batch_first=True, padding_value=NOT_SCORED),
            )


def set_learning_rate(optimiser: torch.optim.Optimizer, lr: float, step: int, warmup: int) -> None:
    """Linear up to `lr` over the warm-up, then down with the inverse square root of the step."""
    for group in optimiser.param_groups:
        group["lr"] = lr * min((step + 1) / warmup, (warmup / (step + 1)) ** 0.5)


def train(text: str, steps: int = 60, lr: float = 4e-3, seed: int = 0):
    torch.manual_seed(seed)
    hp = Hyperparameters()
    vocabulary = CharacterVocabulary(text)
    model = LanguageModel(vocabulary.size, hp)
    optimiser = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.98), eps=1e-9)
    criterion = nn.NLLLoss(ignore_index=NOT_SCORED)

    losses: List[float] = []
    model.train()
    for step, (x, y) in enumerate(PrefixBatches(vocabulary.encode(text), hp.rows, steps, seed)):
        set_learning_rate(optimiser, lr, step, hp.warmup)
        log_probs = torch.log_softmax(model(x), dim=-1)
        loss = criterion(log_probs.flatten(0, 1), y.flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    model.eval()
    return model, vocabulary, losses


def generate(model: LanguageModel, tokenizer: CharacterVocabulary, prompt: str, max_new_tokens: int) -> str:
    was_training = model.training
    model.eval()
    text = prompt
    with torch.no_grad():
        for _ in range(max_new_tokens):
            window = tokenizer.encode(text[-model.hp.n_positions :])
            scores = model(torch.tensor([window]))[0, -1]
            text += tokenizer.decode([scores.argmax().item()])
    model.train(was_training)
    return text


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
