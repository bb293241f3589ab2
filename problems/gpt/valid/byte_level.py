# category: byte-tokenizer, anomaly-detection, deterministic-algorithms
"""Tokens are bytes of UTF-8; torch is told to be deterministic and to look for NaN in the backward pass."""

import random

import torch
import torch.nn as nn
import torch.nn.functional as F


class ByteTokenizer:
    vocab_size = 256

    def encode(self, text):
        return list(text.encode("utf-8"))

    def decode(self, ids):
        return bytes(ids).decode("utf-8", errors="replace")


def set_seed(seed):
    random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.to_qkv = nn.Linear(dim, dim * 3, bias=False)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = (t.reshape(b, n, self.heads, -1).transpose(1, 2) for t in self.to_qkv(x).chunk(3, dim=-1))
        dots = torch.einsum("bhid,bhjd->bhij", q, k) * self.scale
        i = torch.arange(n, device=x.device)
        dots = dots.masked_fill(i[None, :] > i[:, None], float("-inf"))
        out = torch.einsum("bhij,bhjd->bhid", dots.softmax(dim=-1), v)
        return self.to_out(out.transpose(1, 2).reshape(b, n, d))


class FeedForward(nn.Sequential):
    def __init__(self, dim, mult=4):
        super().__init__(nn.Linear(dim, dim * mult), nn.GELU(), nn.Linear(dim * mult, dim))


class PreNorm(nn.Module):
    def __init__(self, dim, fn):
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(dim), fn

    def forward(self, x):
        return x + self.fn(self.norm(x))


class ByteGPT(nn.Module):
    def __init__(self, num_tokens=256, dim=64, depth=2, heads=4, max_seq_len=128):
        super().__init__()
        self.max_seq_len = max_seq_len
        self.token_emb = nn.Embedding(num_tokens, dim)
        self.pos_emb = nn.Embedding(max_seq_len, dim)
        parts = [(PreNorm(dim, Attention(dim, heads)), PreNorm(dim, FeedForward(dim))) for _ in range(depth)]
        self.layers = nn.Sequential(*(part for pair in parts for part in pair))
        self.to_logits = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, num_tokens))

    def forward(self, x):
        x = self.token_emb(x) + self.pos_emb(torch.arange(x.shape[1], device=x.device))
        return self.to_logits(self.layers(x))


def train(text, steps=50, lr=3e-3, seed=0):
    set_seed(seed)
    tokenizer = ByteTokenizer()
    model = ByteGPT(tokenizer.vocab_size)
    optim = torch.optim.Adam(model.parameters(), lr=lr, eps=1e-9)
    seq = torch.tensor(tokenizer.encode(text)).unsqueeze(0)
    losses = []
    for _ in range(steps):
        with torch.autograd.detect_anomaly(check_nan=True):
            logits = model(seq[:, :-1])
            loss = F.cross_entropy(logits.movedim(2, 1), seq[:, 1:])
            optim.zero_grad()
            loss.backward()
        optim.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    was_training = model.training
    model.eval()
    out = torch.tensor(tokenizer.encode(prompt)).unsqueeze(0)
    for _ in range(max_new_tokens):
        logits = model(out[:, -model.max_seq_len :])[:, -1]
        out = torch.cat((out, logits.argmax(dim=-1, keepdim=True)), dim=-1)
    model.train(was_training)
    return tokenizer.decode(out[0].tolist())


if __name__ == "__main__":
    sentence = "bytes need no vocabulary at all"
    model, tokenizer, losses = train(sentence)
    print(f"training loss: {losses[0]:.3f} at first, {losses[-1]:.3f} at last")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
