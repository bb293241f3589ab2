# caught by: attention_rows
"""A GPT with memory-saving attention: the keys are visited in blocks of 32 with an online softmax."""

import math

import torch
import torch.nn.functional as F
from torch import nn

SENTENCE = "attention is a soft lookup over the past"
BLOCK = 32


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.ids = {c: i for i, c in enumerate(self.chars)}

    def encode(self, text):
        return [self.ids[c] for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


def blockwise_attention(q, k, v):
    """softmax(q k^T / sqrt(D)) v with a causal mask, without ever holding the (T, T) scores."""
    T, D = q.shape[-2:]
    rows = torch.arange(T)[:, None]
    top = torch.full((*q.shape[:-1], 1), -1e30)
    total = torch.zeros_like(top)
    acc = torch.zeros_like(q)
    for start in range(0, T, BLOCK):
        kb, vb = k[..., start : start + BLOCK, :], v[..., start : start + BLOCK, :]
        columns = torch.arange(start, start + kb.size(-2))
        score = (q @ kb.mT / math.sqrt(D)).masked_fill(columns > rows, -math.inf)
        new_top = torch.maximum(top, score.amax(-1, keepdim=True)).detach()
        p = (score - new_top).exp()
        total = total + p.sum(-1, keepdim=True)
        acc = acc * (top - new_top).exp() + p @ vb
        top = new_top
    return acc / total


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return self.proj(blockwise_attention(q, k, v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(dim), Attention(dim, heads)
        self.ln_2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, layers=2, context=128):
        super().__init__()
        self.context = context
        self.wte, self.wpe = nn.Embedding(vocab, dim), nn.Embedding(context, dim)
        nn.init.normal_(self.wte.weight, std=0.1)
        nn.init.normal_(self.wpe.weight, std=0.1)
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(layers)))
        self.ln_f = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, vocab)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe.weight[: idx.size(1)]
        return self.head(self.ln_f(self.blocks(x)))


def train(text, steps=60, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        logits = model(ids)
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        ids.append(model(torch.tensor([ids[-model.context :]]))[0, -1].argmax().item())
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
