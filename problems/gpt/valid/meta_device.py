# category: meta-device, positions-uniform
"""Built on the meta device without memory, then given memory and drawn module by module."""

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


class Attention(nn.Module):
    def __init__(self, width: int, n_head: int) -> None:
        super().__init__()
        self.n_head = n_head
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (t.unflatten(-1, (self.n_head, -1)).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))
        return self.proj(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width: int, n_head: int) -> None:
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(width), Attention(width, n_head)
        self.ln_2, self.fc, self.proj = (
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.Linear(4 * width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.proj(F.gelu(self.fc(self.ln_2(x))))


class Planned(nn.Module):
    def __init__(self, vocab: int, width: int = 64, n_head: int = 4, n_layer: int = 2, block_size: int = 128):
        super().__init__()
        self.block_size = block_size
        self.wte, self.wpe = nn.Embedding(vocab, width), nn.Embedding(block_size, width)
        self.h = nn.ModuleList(Block(width, n_head) for _ in range(n_layer))
        self.ln_f, self.head = nn.LayerNorm(width), nn.Linear(width, vocab, bias=False)

    def forward(self, idx: Tensor) -> Tensor:
        x = self.wte(idx) + self.wpe(torch.arange(idx.shape[1], device=idx.device))
        for block in self.h:
            x = block(x)
        return self.head(self.ln_f(x))


@torch.no_grad()
def draw(module: nn.Module) -> None:
    match module:
        case nn.LayerNorm():
            module.reset_parameters()
        case nn.Embedding():
            module.weight.uniform_(-0.05, 0.05)
        case nn.Linear():
            module.weight.normal_(std=module.in_features**-0.5)
            if module.bias is not None:
                module.bias.zero_()


def materialised(vocab: int) -> Planned:
    with torch.device("meta"):
        model = Planned(vocab)
    return model.to_empty(device="cpu").apply(draw)


def train(
    text: str, steps: int = 40, lr: float = 3e-3, seed: int = 0
) -> tuple[nn.Module, Characters, list[float]]:
    torch.manual_seed(seed)
    characters = Characters(text)
    model = materialised(characters.vocab_size)
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
        window = ids[:, -model.block_size :]
        best = model(window)[:, -1, :].topk(1, dim=-1).indices  # (1, 1)
        ids = torch.hstack((ids, best))
    return tokenizer.decode(ids.squeeze(0).tolist())


def main():
    text = "first the plan and then the bricks"
    model, characters, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, characters, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
