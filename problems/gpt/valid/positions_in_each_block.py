# category: positions-in-each-block, positions-trunc-normal
"""The table of positions is added anew at the door of each attention, and nothing is added at the bottom."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Letters:
    letters: str

    @classmethod
    def of(cls, text):
        return cls("".join(sorted(set(text))))

    def encode(self, s):
        return list(map(self.letters.index, s))

    def decode(self, ids):
        return "".join(map(self.letters.__getitem__, ids))


class Attention(nn.Module):
    def __init__(self, width, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.maps = nn.ModuleDict(
            {name: nn.Linear(width, width) for name in ("query", "key", "value", "out")}
        )

    def forward(self, x):
        split = (*x.shape[:2], self.n_heads, x.shape[2] // self.n_heads)
        q, k, v = (self.maps[name](x).view(split) for name in ("query", "key", "value"))  # (B, T, H, D)
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / split[-1] ** 0.5
        place = torch.arange(x.shape[1])
        scores = scores.masked_fill(place[:, None] < place, -torch.inf)
        return self.maps["out"](torch.einsum("bhqk,bkhd->bqhd", scores.softmax(-1), v).flatten(2))


class Block(nn.Module):
    def __init__(self, width, n_heads):
        super().__init__()
        self.attn_norm, self.attn = nn.LayerNorm(width), Attention(width, n_heads)
        self.ffn_norm = nn.LayerNorm(width)
        self.ffn = nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width))

    def forward(self, x, places):
        x = x + self.attn(self.attn_norm(x + places))
        x = x + self.ffn(self.ffn_norm(x))
        return x


class Reminded(nn.Module):
    def __init__(self, vocab, width=64, n_heads=4, n_layers=2, reach=128):
        super().__init__()
        self.reach = reach
        self.letters = nn.Embedding(vocab, width)
        self.places = nn.Embedding(reach, width)
        nn.init.trunc_normal_(self.places.weight, std=0.1)
        self.blocks = nn.ModuleList([Block(width, n_heads) for _ in range(n_layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab)

    def forward(self, idx):
        x = self.letters(idx)
        places = self.places(torch.arange(idx.shape[1], device=idx.device))  # (T, C)
        for block in self.blocks:
            x = block(x, places)
        return self.head(self.norm(x))


def train(text, steps=50, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    letters = Letters.of(text)
    model = Reminded(len(letters.letters))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, amsgrad=True)
    ids = torch.tensor(letters.encode(text))
    losses = []
    for i in range(steps):
        out = model(ids[None])
        loss = F.cross_entropy(out[0, :-1], ids[1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses += [loss.item()]
    return model, letters, losses


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    out = tokenizer.encode(prompt)
    while max_new_tokens > 0:
        context = torch.tensor(out[-model.reach :]).unsqueeze(0)
        out = out + [model(context)[0, -1].argmax().item()]
        max_new_tokens -= 1
    return tokenizer.decode(out)


def main():
    text = "tell every layer where it stands"
    model, letters, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, letters, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
