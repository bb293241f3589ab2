# category: channels-first, convolutions
"""Channels first throughout, as for images: every map is a convolution of width 1, and each norm runs over dimension 1."""

import torch
import torch.nn.functional as F
from torch import nn


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of (B, C, T): statistics of one place at a time."""

    def __init__(self, channels):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x):
        centred = x - x.mean(dim=1, keepdim=True)
        return self.gain * centred * (centred.pow(2).mean(dim=1, keepdim=True) + 1e-5).rsqrt() + self.shift


class ConvAttention(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.out = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        B, C, T = x.shape
        q, k, v = self.qkv(x).view(B, 3, self.heads, C // self.heads, T).unbind(1)  # (B, H, D, T) each
        scores = torch.einsum("bhdq,bhdk->bhqk", q, k) * (C // self.heads) ** -0.5
        future = torch.ones(T, T, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(future, -torch.inf).softmax(-1)
        return self.out(torch.einsum("bhqk,bhdk->bhdq", weights, v).reshape(B, C, T))


class Block(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.norm_1, self.attention = ChannelNorm(channels), ConvAttention(channels, heads)
        self.norm_2 = ChannelNorm(channels)
        self.mlp = nn.Sequential(
            nn.Conv1d(channels, 4 * channels, 1), nn.GELU(), nn.Conv1d(4 * channels, channels, 1)
        )

    def forward(self, x):
        x = x + self.attention(self.norm_1(x))
        return x + self.mlp(self.norm_2(x))


class ChannelsFirst(nn.Module):
    def __init__(self, vocab, channels=48, heads=3, depth=2, width_of_context=128):
        super().__init__()
        self.width_of_context = width_of_context
        self.embed = nn.Embedding(vocab, channels)
        self.place = nn.Parameter(torch.randn(channels, width_of_context) * 0.02)  # (C, T)
        self.blocks = nn.Sequential(*(Block(channels, heads) for _ in range(depth)))
        self.norm = ChannelNorm(channels)
        self.head = nn.Conv1d(channels, vocab, 1)

    def forward(self, idx):
        x = self.embed(idx).mT + self.place[:, : idx.shape[1]]  # (B, C, T)
        return self.head(self.norm(self.blocks(x))).mT  # (B, T, V)


def make_batch(tokenizer, text):
    ids = torch.tensor(tokenizer.encode(text), dtype=torch.long)
    return ids[None, :-1], ids[1:]


def train(text, steps=50, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = ChannelsFirst(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    inputs, targets = make_batch(tokenizer, text)
    history = []
    while len(history) < steps:
        loss = F.cross_entropy(model(inputs)[0], targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        history.append(loss.item())
    return model, tokenizer, history


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-model.width_of_context :]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


def main():
    text = "a sentence is a picture one pixel high"
    model, tokenizer, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, tokenizer, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
