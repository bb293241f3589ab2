# category: float32-softmax-upcast, mask-finfo-min, einsum, dataclass-configuration
"""The scores are cast up to float32 for the softmax and back to the type of x, whatever that is."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from dataclasses import dataclass


@dataclass(frozen=True)
class Hyper:
    vocab: int
    length: int = 128
    width: int = 64
    heads: int = 4
    depth: int = 2

    @property
    def head_width(self):
        return self.width // self.heads


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.map = {c: i for i, c in enumerate(self.chars)}

    def encode(self, text):
        return [self.map[c] for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class Attention(nn.Module):
    def __init__(self, h):
        super().__init__()
        self.h = h
        self.w_qkv = nn.Linear(h.width, 3 * h.width)
        self.w_out = nn.Linear(h.width, h.width)
        visible = torch.tril(torch.ones(h.length, h.length, dtype=torch.bool))
        self.register_buffer("visible", visible, persistent=False)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.w_qkv(x).view(B, T, 3, self.h.heads, self.h.head_width).unbind(dim=2)
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) * self.h.head_width**-0.5
        scores = scores.float().masked_fill(~self.visible[:T, :T], torch.finfo(torch.float32).min)
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).type_as(v)
        return self.w_out(torch.einsum("bhqk,bkhd->bqhd", weights, v).reshape(B, T, C))


class Norm(nn.LayerNorm):
    """Statistics in float32 too."""

    def forward(self, x):
        return F.layer_norm(
            x.float(), self.normalized_shape, self.weight.float(), self.bias.float(), self.eps
        ).type_as(x)


class Block(nn.Module):
    def __init__(self, h):
        super().__init__()
        self.norm_a, self.attention = Norm(h.width), Attention(h)
        self.norm_m = Norm(h.width)
        self.expand, self.contract = nn.Linear(h.width, 4 * h.width), nn.Linear(4 * h.width, h.width)

    def forward(self, x):
        x = x + self.attention(self.norm_a(x))
        return x + self.contract(F.gelu(self.expand(self.norm_m(x))))


class GPT(nn.Module):
    def __init__(self, h):
        super().__init__()
        self.h = h
        self.tokens = nn.Embedding(h.vocab, h.width)
        self.positions = nn.Parameter(torch.zeros(h.length, h.width))
        nn.init.normal_(self.positions, std=0.01)
        self.blocks = nn.ModuleList([Block(h) for _ in range(h.depth)])
        self.norm = Norm(h.width)
        self.head = nn.Linear(h.width, h.vocab)

    def forward(self, idx):
        x = self.tokens(idx) + self.positions[: idx.size(1)]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(Hyper(vocab=len(tokenizer.chars)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    idx = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        logits = model(idx).float()
        loss = F.cross_entropy(logits[0, :-1], idx[0, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -model.h.length :])[:, -1].float()
        idx = torch.cat((idx, logits.argmax(-1, keepdim=True)), dim=-1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    text = "a falling loss is not yet a working model"
    model, tokenizer, losses = train(text)
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    print(generate(model, tokenizer, text[:8], len(text) - 8))
