# category: alibi, mask-additive
"""No position embedding: each head takes a penalty off its scores that grows with the distance."""

import torch
import torch.nn as nn
import torch.nn.functional as F

CONTEXT = 128


class Tokenizer:
    def __init__(self, text):
        self.itos = sorted(set(text))
        self.stoi = {s: i for i, s in enumerate(self.itos)}

    def encode(self, text):
        return [self.stoi[s] for s in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


def alibi_bias(heads, length):
    """(heads, length, length): -slope * distance to the past, -inf to the future."""
    slopes = 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)
    place = torch.arange(length)
    distance = (place[:, None] - place[None, :]).float()
    bias = -slopes[:, None, None] * distance
    return bias.masked_fill(distance < 0, float("-inf"))


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.register_buffer("bias", alibi_bias(heads, CONTEXT))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / (C // self.heads) ** 0.5 + self.bias[:, :T, :T]
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.ln_attn = nn.LayerNorm(dim)
        self.attn = Attention(dim, heads)
        self.ln_ffn = nn.LayerNorm(dim)
        self.ffn = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        x = x + self.attn(self.ln_attn(x))
        x = x + self.ffn(self.ln_ffn(x))
        return x


class AlibiLM(nn.Module):
    def __init__(self, vocab, dim=64, heads=8, depth=2):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.blocks = nn.ModuleList([Block(dim, heads) for _ in range(depth)])
        self.ln = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, vocab)

    def forward(self, idx):
        x = self.embed(idx)
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln(x))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = AlibiLM(len(tokenizer.itos))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    idx = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        logits = model(idx)
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
        step = model(idx[:, -CONTEXT:])[:, -1].argmax(dim=1)
        idx = torch.column_stack([idx, step])
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    text = "write the shapes down and half the bugs are gone"
    model, tokenizer, losses = train(text)
    for i in (0, 33, 66, 99):
        print(i, f"{losses[i]:.4f}")
    print(generate(model, tokenizer, text[:8], len(text) - 8))
