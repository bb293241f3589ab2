# category: torch-func, vmapped-batch
"""Written for one sequence (T,) without a batch anywhere, and mapped over the rows by torch.vmap."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Characters:
    """A character a token."""

    def __init__(self, corpus: str) -> None:
        self._symbols: tuple[str, ...] = tuple(sorted(set(corpus)))
        self._ids: dict[str, int] = {symbol: i for i, symbol in enumerate(self._symbols)}

    @property
    def vocab_size(self) -> int:
        return len(self._symbols)

    def encode(self, text: str) -> list[int]:
        return [self._ids[symbol] for symbol in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(self._symbols[i] for i in ids)


class RowAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.merge = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        T, C = x.shape
        q, k, v = (f(x).view(T, self.heads, -1).transpose(0, 1) for f in (self.query, self.key, self.value))
        scores = q @ k.mT / (C // self.heads) ** 0.5  # (H, T, T)
        scores = scores.masked_fill(torch.arange(T) > torch.arange(T)[:, None], -torch.inf)
        return self.merge((scores.softmax(dim=-1) @ v).transpose(0, 1).reshape(T, C))


class RowBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm_1, self.attention = nn.LayerNorm(width), RowAttention(width, heads)
        self.norm_2, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 256), nn.Linear(256, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm_1(x))
        return x + self.down(F.elu(self.up(self.norm_2(x))))


class RowModel(nn.Module):
    def __init__(
        self, vocab: int, width: int = 64, heads: int = 4, depth: int = 2, longest: int = 128
    ) -> None:
        super().__init__()
        self.longest = longest
        self.letters = nn.Embedding(vocab, width)
        self.places = nn.Parameter(torch.randn(longest, width) * 0.02)
        self.blocks = nn.Sequential(*(RowBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab)

    def row(self, ids: Tensor) -> Tensor:
        """(T,) to (T, V)."""
        x = self.letters(ids) + self.places[: len(ids)]
        return self.head(self.norm(self.blocks(x)))

    def forward(self, idx: Tensor) -> Tensor:
        return torch.vmap(self.row)(idx)


def train(
    text: str, steps: int = 60, lr: float = 3e-3, seed: int = 0
) -> tuple[nn.Module, Characters, list[float]]:
    torch.manual_seed(seed)
    characters = Characters(text)
    model = RowModel(characters.vocab_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    criterion = nn.CrossEntropyLoss()
    tokens = torch.tensor(characters.encode(text)).view(1, -1)
    losses: list[float] = []
    for _ in range(steps):
        logits = model(tokens[:, :-1])
        loss = criterion(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return model, characters, losses


@torch.no_grad()
def generate(model: nn.Module, tokenizer: Characters, prompt: str, max_new_tokens: int) -> str:
    """Greedy: the likeliest character, again and again."""
    model.eval()
    ids = torch.tensor(tokenizer.encode(prompt), dtype=torch.long).view(1, -1)
    for _ in range(max_new_tokens):
        window = ids[:, -model.longest :]
        best = model(window)[:, -1, :].topk(1, dim=-1).indices  # (1, 1)
        ids = torch.hstack((ids, best))
    return tokenizer.decode(ids.squeeze(0).tolist())


def main():
    text = "write for one and map over many"
    model, characters, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, characters, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
