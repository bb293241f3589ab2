# category: relative-bias, rms-norm, weight-tying, scaled-head
"""The manner of T5: distances fall into buckets, all layers share one table of biases, the tied head is scaled down."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class Chars:
    """Numbers characters in the order in which they are first seen."""

    def __init__(self, text):
        self.alphabet = "".join(dict.fromkeys(text))

    def encode(self, string):
        return [self.alphabet.index(c) for c in string]

    def decode(self, numbers):
        return "".join(self.alphabet[n] for n in numbers)

    def __len__(self):
        return len(self.alphabet)


def bucket_of(distance, exact=16, buckets=32, farthest=128):
    """Distances below `exact` have a bucket each; beyond, buckets widen with the logarithm."""
    far = exact + (distance.clamp(min=1) / exact).log() / math.log(farthest / exact) * (buckets - exact)
    return torch.where(distance < exact, distance, far.long().clamp(max=buckets - 1))


class RMSNorm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))

    def forward(self, x):
        return self.weight * (x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt())


class SelfAttention(nn.Module):
    def __init__(self, d, heads, d_kv):
        super().__init__()
        self.heads, self.d_kv = heads, d_kv
        self.q = nn.Linear(d, heads * d_kv, bias=False)
        self.k = nn.Linear(d, heads * d_kv, bias=False)
        self.v = nn.Linear(d, heads * d_kv, bias=False)
        self.o = nn.Linear(heads * d_kv, d, bias=False)

    def forward(self, x, bias):
        B, T, _ = x.shape
        q, k, v = (f(x).view(B, T, self.heads, self.d_kv).transpose(1, 2) for f in (self.q, self.k, self.v))
        scores = q @ k.transpose(3, 2) / math.sqrt(self.d_kv) + bias  # (B, H, T, T)
        return self.o((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class Layer(nn.Module):
    def __init__(self, d, heads, d_kv, d_ff):
        super().__init__()
        self.norm0, self.norm1 = RMSNorm(d), RMSNorm(d)
        self.attention = SelfAttention(d, heads, d_kv)
        self.wi, self.wo = nn.Linear(d, d_ff, bias=False), nn.Linear(d_ff, d, bias=False)

    def forward(self, x, bias):
        x = x + self.attention(self.norm0(x), bias)
        return x + self.wo(F.relu(self.wi(self.norm1(x))))


class DecoderStack(nn.Module):
    def __init__(self, vocab, d=64, heads=4, d_kv=24, d_ff=160, depth=2):
        super().__init__()
        self.d = d
        self.shared = nn.Embedding(vocab, d)
        self.relative_attention_bias = nn.Embedding(32, heads)
        self.layers = nn.ModuleList(Layer(d, heads, d_kv, d_ff) for _ in range(depth))
        self.final_norm = RMSNorm(d)
        nn.init.normal_(self.shared.weight, std=0.3)

    def forward(self, idx):
        place = torch.arange(idx.shape[1])
        distance = place[:, None] - place  # (T, T), negative towards the future
        bias = self.relative_attention_bias(bucket_of(distance.clamp(min=0))).permute(2, 0, 1)
        bias = bias.masked_fill(distance < 0, float("-inf"))
        x = self.shared(idx)
        for layer in self.layers:
            x = layer(x, bias)
        return F.linear(self.final_norm(x) * self.d**-0.5, self.shared.weight)


def next_token_loss(t5, ids):
    logits = t5(ids[:-1].view(1, -1)).squeeze(0)
    return F.cross_entropy(logits, ids[1:])


def train(text, steps=70, lr=8e-3, seed=0):
    torch.manual_seed(seed)
    chars = Chars(text)
    t5 = DecoderStack(len(chars))
    ids = torch.tensor(chars.encode(text))
    opt = torch.optim.NAdam(t5.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        opt.zero_grad()
        loss = next_token_loss(t5, ids)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return t5, chars, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-512:]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


TEXT = "near is exact and far is a guess"

if __name__ == "__main__":
    t5, chars, losses = train(TEXT)
    print("losses:", *(round(loss, 3) for loss in losses[::15]), round(losses[-1], 4))
    print("text:", generate(t5, chars, TEXT[:8], len(TEXT) - 8))
