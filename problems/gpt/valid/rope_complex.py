# category: rope, positions-learned-and-rotary, positions-uniform
"""Rotary positions as products of complex numbers, beside a learned table of positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


def turns(length: int, size: int) -> Tensor:
    """(length, size / 2) complex numbers of modulus 1: how far each pair of features turns at each place."""
    speed = 10_000.0 ** (-torch.arange(0, size, 2) / size)
    angle = torch.outer(torch.arange(length), speed)
    return torch.polar(torch.ones_like(angle), angle)


def turned(x: Tensor, by: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))  # (B, H, T, D / 2)
    return torch.view_as_real(pairs * by).flatten(-2).type_as(x)


class RotaryAttention(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.wq, self.wk, self.wv, self.wo = (nn.Linear(dim, dim, bias=False) for _ in range(4))

    def forward(self, x: Tensor, by: Tensor) -> Tensor:
        q, k, v = (w(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for w in (self.wq, self.wk, self.wv))
        q, k = turned(q, by), turned(k, by)
        scores = q @ k.mT / q.shape[-1] ** 0.5
        scores = scores.masked_fill(~torch.ones_like(scores, dtype=torch.bool).tril(), -torch.inf)
        return self.wo((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(dim), RotaryAttention(dim, heads)
        self.ln_2, self.up, self.down = nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor, by: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x), by)
        return x + self.down(F.silu(self.up(self.ln_2(x))))


class Transformer(nn.Module):
    def __init__(
        self, vocab: int, dim: int = 48, n_heads: int = 4, n_layers: int = 2, max_seq_len: int = 128
    ):
        super().__init__()
        self.max_seq_len = max_seq_len
        self.tok_embeddings = nn.Embedding(vocab, dim)
        self.pos_embeddings = nn.Parameter(torch.empty(max_seq_len, dim).uniform_(-0.05, 0.05))
        self.layers = nn.ModuleList([Block(dim, n_heads) for _ in range(n_layers)])
        self.norm = nn.LayerNorm(dim)
        self.output = nn.Linear(dim, vocab, bias=False)
        self.register_buffer(
            "turns", torch.view_as_real(turns(max_seq_len, dim // n_heads)), persistent=False
        )

    def forward(self, tokens: Tensor) -> Tensor:
        T = tokens.shape[1]
        x = self.tok_embeddings(tokens) + self.pos_embeddings[:T]
        by = torch.view_as_complex(self.turns[:T].float())
        for layer in self.layers:
            x = layer(x, by)
        return self.output(self.norm(x))


def train(
    text: str, steps: int = 60, lr: float = 3e-3, seed: int = 0
) -> tuple[nn.Module, Tokenizer, list[float]]:
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = Transformer(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    criterion = nn.CrossEntropyLoss()
    tokens = torch.tensor(tokenizer.encode(text)).view(1, -1)
    losses: list[float] = []
    for _ in range(steps):
        logits = model(tokens[:, :-1])
        loss = criterion(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model: nn.Module, tokenizer: Tokenizer, prompt: str, max_new_tokens: int) -> str:
    """Greedy: the likeliest character, again and again."""
    model.eval()
    ids = torch.tensor(tokenizer.encode(prompt), dtype=torch.long).view(1, -1)
    for _ in range(max_new_tokens):
        window = ids[:, -model.max_seq_len :]
        best = model(window)[:, -1, :].topk(1, dim=-1).indices  # (1, 1)
        ids = torch.hstack((ids, best))
    return tokenizer.decode(ids.squeeze(0).tolist())


if __name__ == "__main__":
    sentence = "turn the query, turn the key"
    model, tokenizer, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
