# category: mask-block-diagonal, positions-embedding
"""All rows of a batch are packed into one long row, and a block-diagonal mask keeps them apart."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CharacterCodec:
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


def packed_mask(lengths: list[int]) -> Tensor:
    """(N, N) for N = sum(lengths): True where a token may look, at the past of its own row alone."""
    return torch.block_diag(*(torch.ones(n, n).tril() for n in lengths)) > 0


class PackedAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, allowed: Tensor) -> Tensor:
        n, width = x.shape
        q, k, v = self.qkv(x).view(n, 3, self.heads, width // self.heads).permute(1, 2, 0, 3)  # (H, N, D)
        scores = q @ k.transpose(1, 2) * (width // self.heads) ** -0.5
        shares = torch.where(allowed, scores, -torch.inf).softmax(dim=-1)
        return self.out((shares @ v).transpose(0, 1).reshape(n, width))


class PackedBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = PackedAttention(width, heads)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, allowed: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), allowed)
        return x + self.mlp(self.mlp_norm(x))


class PackedDecoder(nn.Module):
    def __init__(self, vocab_size: int, width: int = 64, heads: int = 4, depth: int = 2, context: int = 128):
        super().__init__()
        self.context = context
        self.tokens = nn.Embedding(vocab_size, width)
        self.places = nn.Embedding(context, width)
        self.blocks = nn.ModuleList([PackedBlock(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, idx: Tensor) -> Tensor:
        rows, length = idx.shape
        place = torch.arange(length).repeat(rows)  # (B * T)
        x = self.tokens(idx.flatten()) + self.places(place)
        allowed = packed_mask([length] * rows)
        for block in self.blocks:
            x = block(x, allowed)
        return self.head(self.norm(x)).view(rows, length, -1)


def train(
    text: str, steps: int = 40, lr: float = 3e-3, seed: int = 0
) -> tuple[nn.Module, CharacterCodec, list[float]]:
    torch.manual_seed(seed)
    codec = CharacterCodec(text)
    model = PackedDecoder(codec.vocab_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    criterion = nn.CrossEntropyLoss()
    tokens = torch.tensor(codec.encode(text)).view(1, -1)
    losses: list[float] = []
    for _ in range(steps):
        logits = model(tokens[:, :-1])
        loss = criterion(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return model, codec, losses


@torch.no_grad()
def generate(model: nn.Module, tokenizer: CharacterCodec, prompt: str, max_new_tokens: int) -> str:
    """Greedy: the likeliest character, again and again."""
    model.eval()
    ids = torch.tensor(tokenizer.encode(prompt), dtype=torch.long).view(1, -1)
    for _ in range(max_new_tokens):
        window = ids[:, -model.context :]
        best = model(window)[:, -1, :].topk(1, dim=-1).indices  # (1, 1)
        ids = torch.hstack((ids, best))
    return tokenizer.decode(ids.squeeze(0).tolist())


def main():
    text = "pack the rows and keep them apart"
    model, codec, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, codec, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
