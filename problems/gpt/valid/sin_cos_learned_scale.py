# category: sin-cos, learned-scale, triu-of-ones
"""Sines first, then cosines, times a scale that is learned; a kernel of width 1 for each map of the MLP."""

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


def waves(length, width):
    """(length, width): sines in the first half of the features and cosines in the second."""
    wavelength = torch.logspace(0, 4, width // 2)
    phase = torch.arange(length).unsqueeze(1) / wavelength
    return torch.cat([phase.sin(), phase.cos()], dim=1)


class SelfAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.project_in(x).view(B, T, self.heads, -1, 3).transpose(1, 2).unbind(-1)
        scores = torch.matmul(q, k.transpose(-2, -1)) / q.size(-1) ** 0.5
        scores = scores.masked_fill(torch.ones(T, T).triu(1).eq(1), float("-inf"))
        y = torch.matmul(torch.softmax(scores, -1), v)
        return self.project_out(y.transpose(1, 2).contiguous().view(B, T, C))


class PositionwiseConv(nn.Module):
    """The MLP as two convolutions that see one place at a time."""

    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv1d(width, 4 * width, kernel_size=1)
        self.conv2 = nn.Conv1d(4 * width, width, kernel_size=1)

    def forward(self, x):
        x = x.transpose(1, 2)  # (B, C, T)
        return self.conv2(F.gelu(self.conv1(x))).transpose(1, 2)


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), SelfAttention(width, heads)
        self.norm2, self.conv = nn.LayerNorm(width), PositionwiseConv(width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.conv(self.norm2(x))


class WaveLM(nn.Module):
    def __init__(self, vocab, width=64, heads=2, depth=2, longest=200):
        super().__init__()
        self.longest = longest
        self.letters = nn.Embedding(vocab, width)
        self.register_buffer("waves", waves(longest, width))
        self.wave_scale = nn.Parameter(torch.tensor(0.5))
        self.layers = nn.ModuleList([Layer(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab)

    def forward(self, idx):
        x = self.letters(idx) + self.wave_scale * self.waves[: idx.size(1)]
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


def make_batch(tokenizer, text):
    ids = torch.tensor(tokenizer.encode(text), dtype=torch.long)
    return ids[None, :-1], ids[1:]


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = WaveLM(len(tokenizer.chars))
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


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    text = prompt
    for _ in range(max_new_tokens):
        ids = torch.tensor([tokenizer.encode(text[-model.longest :])])
        text += tokenizer.decode([model(ids)[0, -1].argmax().item()])
    return text


if __name__ == "__main__":
    sentence = "waves of many lengths tell the place"
    model, tokenizer, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
