# category: estimator-class, loss-in-bits, schedule
"""The interface of an estimator: fit and predict. Losses are told in bits; the rate follows a cosine by hand."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class CharVectorizer:
    def fit(self, text):
        self.vocabulary_ = {c: i for i, c in enumerate(sorted(set(text)))}
        self.feature_names_ = list(self.vocabulary_)
        return self

    def encode(self, text):
        return [self.vocabulary_[c] for c in text]

    def decode(self, ids):
        return "".join(self.feature_names_[i] for i in ids)


class SelfAttention(nn.Module):
    def __init__(self, n_features, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.in_weight = nn.Parameter(torch.randn(3, n_features, n_features) * n_features**-0.5)
        self.out = nn.Linear(n_features, n_features)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = ((x @ w).view(B, T, self.n_heads, -1).transpose(1, 2) for w in self.in_weight)
        scores = q @ k.transpose(2, 3) / math.sqrt(C / self.n_heads)
        scores = scores.masked_fill(torch.ones(T, T).triu(1) > 0, -math.inf)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, n_features, n_heads):
        super().__init__()
        self.attend = nn.Sequential(nn.LayerNorm(n_features), SelfAttention(n_features, n_heads))
        self.transform = nn.Sequential(
            nn.LayerNorm(n_features),
            nn.Linear(n_features, 4 * n_features),
            nn.GELU(),
            nn.Linear(4 * n_features, n_features),
        )

    def forward(self, x):
        x = x + self.attend(x)
        return x + self.transform(x)


class GPTEstimator(nn.Module):
    def __init__(self, n_features=64, n_heads=4, n_blocks=2, max_length=128, max_iter=60, eta=4e-3):
        super().__init__()
        self.n_features, self.n_heads, self.n_blocks = n_features, n_heads, n_blocks
        self.max_length, self.max_iter, self.eta = max_length, max_iter, eta

    def build(self, n_classes):
        self.chars = nn.Embedding(n_classes, self.n_features)
        self.places = nn.Embedding(self.max_length, self.n_features)
        self.blocks = nn.Sequential(*[Block(self.n_features, self.n_heads) for _ in range(self.n_blocks)])
        self.decision = nn.Sequential(nn.LayerNorm(self.n_features), nn.Linear(self.n_features, n_classes))
        return self

    def forward(self, idx):
        return self.decision(self.blocks(self.chars(idx) + self.places(torch.arange(idx.size(1)))))

    def partial_fit(self, X, y):
        bits = F.cross_entropy(self(X).transpose(1, 2), y) / math.log(2)
        self.optimizer.zero_grad()
        bits.backward()
        self.optimizer.step()
        self.loss_curve_.append(bits.item())

    def fit(self, X, y):
        self.optimizer = torch.optim.AdamW(self.parameters(), lr=self.eta)
        self.loss_curve_ = []
        for i in range(self.max_iter):
            for group in self.optimizer.param_groups:
                group["lr"] = self.eta * (0.55 + 0.45 * math.cos(math.pi * i / self.max_iter))
            self.partial_fit(X, y)
        return self

    @torch.no_grad()
    def predict(self, X):
        return self(X[:, -self.max_length :])[:, -1:].argmax(-1)


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = CharVectorizer().fit(text)
    estimator = GPTEstimator(max_iter=steps, eta=lr).build(len(tokenizer.vocabulary_))
    ids = torch.tensor([tokenizer.encode(text)])
    estimator.fit(ids[:, :-1], ids[:, 1:])
    return estimator, tokenizer, estimator.loss_curve_


def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        ids = torch.cat([ids, model.predict(ids)], dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    text = "fit, predict, and do not ask how"
    model, tokenizer, losses = train(text)
    print("bits a character:", *(f"{loss:.2f}" for loss in losses[::10]))
    print(generate(model, tokenizer, text[:8], len(text) - 8))
