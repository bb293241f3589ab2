# category: positions-in-queries-and-keys, sandwich-norm
"""Positions go into queries and keys alone, so that values carry letters only; each branch is normed before and after."""

import torch
import torch.nn.functional as F
from torch import nn

CONTEXT, DIM, HEADS, DEPTH = 128, 64, 4, 2


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


def to_heads(x):
    B, T, C = x.shape
    return x.reshape(B, T, HEADS, C // HEADS).movedim(1, 2)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qk = nn.Linear(DIM, 2 * DIM, bias=False)
        self.v = nn.Linear(DIM, DIM, bias=False)
        self.o = nn.Linear(DIM, DIM, bias=False)

    def forward(self, x, where):
        q, k = map(to_heads, self.qk(x + where).tensor_split(2, dim=-1))
        scores = (q @ k.mT).mul(q.shape[-1] ** -0.5)
        past = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        scores = scores.where(past, float("-inf"))
        return self.o((scores.softmax(-1) @ to_heads(self.v(x))).movedim(1, 2).flatten(2))


class Block(nn.Module):
    """x + norm(branch(norm(x))), twice."""

    def __init__(self):
        super().__init__()
        self.attention = Attention()
        self.mlp = nn.Sequential(nn.Linear(DIM, 3 * DIM), nn.ReLU(), nn.Linear(3 * DIM, DIM))
        self.before_attention, self.after_attention = nn.RMSNorm(DIM), nn.RMSNorm(DIM)
        self.before_mlp, self.after_mlp = nn.RMSNorm(DIM), nn.RMSNorm(DIM)

    def forward(self, x, where):
        x = x + self.after_attention(self.attention(self.before_attention(x), where))
        return x + self.after_mlp(self.mlp(self.before_mlp(x)))


class Model(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.what = nn.Embedding(vocab, DIM)
        self.where = nn.Parameter(torch.randn(CONTEXT, DIM) * 0.3)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm = nn.RMSNorm(DIM)
        self.score = nn.Linear(DIM, vocab, bias=False)

    def forward(self, idx):
        x, where = self.what(idx), self.where[: idx.shape[1]]
        for block in self.blocks:
            x = block(x, where)
        return self.score(self.norm(x))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = Model(len(tokenizer.chars))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.95))
    ids = torch.tensor([tokenizer.encode(text)])  # (1, T)
    losses = []
    model.train()
    for step in range(steps):
        optimizer.zero_grad()
        scores = model(ids)[:, :-1]
        loss = F.cross_entropy(scores.transpose(1, 2), ids[:, 1:])
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -CONTEXT:])
        idx = torch.cat([idx, logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


TEXT = "values carry letters and nothing else"

if __name__ == "__main__":
    model, tokenizer, losses = train(TEXT)
    print("losses:", *(round(loss, 3) for loss in losses[::15]), round(losses[-1], 4))
    print("text:", generate(model, tokenizer, TEXT[:8], len(TEXT) - 8))
