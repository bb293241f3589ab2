# category: ignore-index, mask-additive, mask-minus-1e9
"""Targets are the ids rolled by one, and the last, which has no successor, is ignored."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

IGNORE = -100


class CharLevel:
    def __init__(self, text):
        self.all = "".join(sorted(set(text)))

    def encode(self, s):
        return [self.all.find(c) for c in s]

    def decode(self, ids):
        return "".join(self.all[i] for i in ids)


class CausalSelfAttention(nn.Module):
    def __init__(self, dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.attn_in = nn.Linear(dim, 3 * dim)
        self.attn_out = nn.Linear(dim, dim)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = torch.tensor_split(self.attn_in(x), 3, dim=-1)
        to_heads = lambda t: torch.stack(t.chunk(self.num_heads, dim=-1), dim=1)  # (B, H, T, D)
        q, k, v = to_heads(q), to_heads(k), to_heads(v)
        s = q @ k.transpose(-2, -1) / math.sqrt(C / self.num_heads)
        s = s + torch.triu(torch.ones(T, T), diagonal=1) * -1e9
        y = F.softmax(s, dim=-1) @ v
        return self.attn_out(torch.cat(y.unbind(dim=1), dim=-1))


class Block(nn.Module):
    def __init__(self, dim, num_heads):
        super().__init__()
        self.pre_attn = nn.LayerNorm(dim)
        self.attn = CausalSelfAttention(dim, num_heads)
        self.pre_mlp = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        x = x + self.attn(self.pre_attn(x))
        x = x + self.mlp(self.pre_mlp(x))
        return x


class GPT(nn.Module):
    def __init__(self, n_symbols, dim=64, num_heads=4, depth=2, max_seq=130):
        super().__init__()
        self.max_seq = max_seq
        self.embedding = nn.ModuleDict(
            {"symbol": nn.Embedding(n_symbols, dim), "place": nn.Embedding(max_seq, dim)}
        )
        for table in self.embedding.values():
            nn.init.normal_(table.weight, std=0.02)
        self.blocks = nn.ModuleList([Block(dim, num_heads) for _ in range(depth)])
        self.final = nn.LayerNorm(dim)
        self.unembedding = nn.Linear(dim, n_symbols)

    def forward(self, idx):
        place = torch.arange(idx.size(1)).unsqueeze(0)
        x = self.embedding["symbol"](idx) + self.embedding["place"](place)
        for block in self.blocks:
            x = block(x)
        return self.unembedding(self.final(x))


def targets_of(idx):
    targets = torch.roll(idx, shifts=-1, dims=1)
    targets[:, -1] = IGNORE
    return targets


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = CharLevel(text)
    model = GPT(len(tokenizer.all))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    idx = torch.tensor([tokenizer.encode(text)])
    targets = targets_of(idx)
    losses = []
    for _ in range(steps):
        logits = model(idx)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=IGNORE)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    idx = torch.tensor(tokenizer.encode(prompt)).reshape(1, -1)
    for _ in range(max_new_tokens):
        logits = model(idx[:, -model.max_seq :]).select(1, -1)
        idx = torch.cat((idx, logits.argmax(1).unsqueeze(1)), dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    text = "read the curve before you read the code"
    model, tokenizer, losses = train(text)
    for step in range(0, 70, 23):
        print(f"{step:>3} {losses[step]:.4f}")
    print(generate(model, tokenizer, text[:8], len(text) - 8))
