# category: running-softmax, no-score-matrix
"""Attention tile by tile: keys come in groups of 16, with a running maximum and a running sum (the idea of FlashAttention)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CharVocab:
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


def tiled_attention(q: Tensor, k: Tensor, v: Tensor, tile: int = 16) -> Tensor:
    """softmax(q k^T / sqrt(d)) v under a causal mask; q, k, v: (B, H, T, D)."""
    T, d = q.shape[-2:]
    rows = torch.arange(T)[:, None]
    top = torch.full_like(q[..., :1], -torch.inf)  # (B, H, T, 1), the largest score so far
    total, out = torch.zeros_like(top), torch.zeros_like(q)
    for start in range(0, T, tile):
        columns = torch.arange(start, min(start + tile, T))
        scores = q @ k[..., columns, :].mT / d**0.5
        scores = scores.masked_fill(columns > rows, -torch.inf)
        new_top = torch.maximum(top, scores.amax(dim=-1, keepdim=True).detach())
        shrink, weights = (top - new_top).exp(), (scores - new_top).exp()
        total = total * shrink + weights.sum(dim=-1, keepdim=True)
        out = out * shrink + weights @ v[..., columns, :]
        top = new_top
    return out / total


class Block(nn.Module):
    def __init__(self, width: int, n_head: int) -> None:
        super().__init__()
        self.n_head = n_head
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def attend(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.n_head, C // self.n_head).permute(2, 0, 3, 1, 4)
        return self.proj(tiled_attention(q, k, v).transpose(1, 2).reshape(B, T, C))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(self.norm_1(x))
        return x + self.mlp(self.norm_2(x))


class TiledGPT(nn.Module):
    def __init__(self, vocab: int, width: int = 64, n_head: int = 4, n_layer: int = 2, block_size: int = 128):
        super().__init__()
        self.block_size = block_size
        self.tokens, self.positions = nn.Embedding(vocab, width), nn.Embedding(block_size, width)
        self.blocks = nn.ModuleList(Block(width, n_head) for _ in range(n_layer))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocab)

    def forward(self, idx: Tensor) -> Tensor:
        x = self.tokens(idx) + self.positions(torch.arange(idx.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def train(
    text: str, steps: int = 40, lr: float = 3e-3, seed: int = 0
) -> tuple[nn.Module, CharVocab, list[float]]:
    torch.manual_seed(seed)
    vocab = CharVocab(text)
    model = TiledGPT(vocab.vocab_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    criterion = nn.CrossEntropyLoss()
    tokens = torch.tensor(vocab.encode(text)).view(1, -1)
    losses: list[float] = []
    for _ in range(steps):
        logits = model(tokens[:, :-1])
        loss = criterion(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return model, vocab, losses


@torch.no_grad()
def generate(model: nn.Module, tokenizer: CharVocab, prompt: str, max_new_tokens: int) -> str:
    """Greedy: the likeliest character, again and again."""
    model.eval()
    ids = torch.tensor(tokenizer.encode(prompt), dtype=torch.long).view(1, -1)
    for _ in range(max_new_tokens):
        window = ids[:, -model.block_size :]
        best = model(window)[:, -1, :].topk(1, dim=-1).indices  # (1, 1)
        ids = torch.hstack((ids, best))
    return tokenizer.decode(ids.squeeze(0).tolist())


if __name__ == "__main__":
    sentence = "one tile at a time is all it takes"
    model, vocab, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, vocab, sentence[:8], len(sentence) - 8))
