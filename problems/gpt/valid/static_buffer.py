# category: static-buffer, layer-wise-rates, type-hints
"""Generation runs at one fixed shape, as a compiler likes it; early layers learn more slowly than late ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SENTENCE = "fixed shapes compile once and run for ever"
LENGTH, WIDTH, HEADS, DEPTH = 128, 64, 4, 2


class Tokenizer:
    def __init__(self, text: str) -> None:
        self.chars = sorted(set(text))

    def encode(self, text: str) -> list[int]:
        return [self.chars.index(c) for c in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(self.chars[i] for i in ids)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        q, k, v = self.qkv(self.norm_1(x)).view(B, T, 3, HEADS, C // HEADS).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(B, T, C))
        return x + self.down(F.gelu(self.up(self.norm_2(x))))


class GPT(nn.Module):
    def __init__(self, vocab: int) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, vocab)

    def forward(self, idx: Tensor) -> Tensor:
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def groups(model: GPT, lr: float, decay: float = 0.8) -> list[dict[str, object]]:
    stages = [[model.wte, model.wpe], *([block] for block in model.blocks), [model.norm, model.head]]
    rates = [lr * decay ** (len(stages) - 1 - i) for i in range(len(stages))]
    return [
        {"params": [p for module in stage for p in module.parameters()], "lr": rate}
        for stage, rate in zip(stages, rates, strict=True)
    ]


def train(text: str, *, steps: int = 40, lr: float = 4e-3, seed: int = 0) -> tuple[GPT, Tokenizer, list[float]]:
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(groups(model, lr), foreach=True)
    ids = torch.tensor([tokenizer.encode(text)])
    losses: list[float] = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(ids)[:, :-1].flatten(0, 1).double(), ids[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model: GPT, tokenizer: Tokenizer, prompt: str, max_new_tokens: int) -> str:
    ids = tokenizer.encode(prompt)
    buffer = torch.zeros(1, LENGTH, dtype=torch.long)
    for _ in range(max_new_tokens):
        seen = ids[-LENGTH:]
        buffer[0, : len(seen)] = torch.tensor(seen)  # what stands behind it, nothing looks at
        ids.append(int(model(buffer)[0, len(seen) - 1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
