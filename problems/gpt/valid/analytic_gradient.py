# category: analytic-gradient, loss-by-hand, raw-parameters
"""The gradient of the cross-entropy is written down, (p - y) / N, and handed to logits.backward()."""

import torch
from torch import nn
from torch.nn.functional import gelu, layer_norm, one_hot

LINE = "p minus y is all the calculus you need"
D, HEADS, LAYERS, ROOM = 64, 4, 2, 128


class Alphabet:
    def __init__(self, text):
        self.letters = list(dict.fromkeys(text))  # in order of first appearance

    def encode(self, text):
        return [self.letters.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.letters[i] for i in ids)


def matrix(rows, columns):
    return nn.Parameter(torch.randn(rows, columns) * rows**-0.5)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.wq, self.wk, self.wv, self.wo = (matrix(D, D) for _ in range(4))
        self.w1, self.w2 = matrix(D, 4 * D), matrix(4 * D, D)
        self.g1, self.g2 = nn.Parameter(torch.ones(D)), nn.Parameter(torch.ones(D))

    def forward(self, x):
        B, T, _ = x.shape
        h = layer_norm(x, (D,), self.g1)
        q, k, v = ((h @ w).view(B, T, HEADS, -1).transpose(1, 2) for w in (self.wq, self.wk, self.wv))
        s = q @ k.transpose(2, 3) / (D / HEADS) ** 0.5
        s = s.masked_fill(torch.arange(T)[:, None] < torch.arange(T), float("-inf"))
        x = x + (s.softmax(-1) @ v).transpose(1, 2).reshape(B, T, D) @ self.wo
        return x + gelu(layer_norm(x, (D,), self.g2) @ self.w1) @ self.w2


class GPT(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.wte = nn.Parameter(torch.randn(vocab, D) * 0.1)
        self.wpe = nn.Parameter(torch.randn(ROOM, D) * 0.1)
        self.layers = nn.Sequential(*[Layer() for _ in range(LAYERS)])
        self.gain = nn.Parameter(torch.ones(D))
        self.unembed = matrix(D, vocab)

    def forward(self, idx):
        x = self.wte[idx] + self.wpe[: idx.shape[1]]
        return layer_norm(self.layers(x), (D,), self.gain) @ self.unembed


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    alphabet = Alphabet(text)
    model = GPT(len(alphabet.letters))
    adam = torch.optim.Adam(model.parameters(), lr=lr)
    ids = torch.tensor(alphabet.encode(text))
    x, y = ids[None, :-1], one_hot(ids[None, 1:], len(alphabet.letters)).float()
    losses = []
    for _ in range(steps):
        adam.zero_grad()
        logits = model(x)  # (1, T, V)
        p = logits.detach().softmax(-1)
        losses.append(-(y * p.log()).sum(-1).mean().item())
        logits.backward((p - y) / y.shape[1])
        adam.step()
    return model, alphabet, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        scores = model(torch.tensor([ids[-ROOM:]]))[0, -1].tolist()
        ids.append(max(range(len(scores)), key=scores.__getitem__))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, alphabet, losses = train(LINE)
    for i in range(0, 60, 12):
        print(i, round(losses[i], 4))
    print(generate(model, alphabet, LINE[:8], len(LINE) - 8))
