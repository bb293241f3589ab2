# category: rprop, zero-grad-by-hand, dict-configuration
"""Rprop: only the signs of full-batch gradients count; cleared with fill_(0) after each update."""

import torch
from torch import nn
from torch.nn import functional as F

hyper = {"context": 128, "dim": 64, "heads": 4, "depth": 2, "text": "the sign of a slope is half of what it says"}


class Codec:
    def __init__(self, text):
        pairs = list(enumerate(sorted(set(text))))
        self.to_char = dict(pairs)
        self.to_id = {c: i for i, c in pairs}

    def encode(self, text):
        return [self.to_id[c] for c in text]

    def decode(self, ids):
        return "".join([self.to_char[i] for i in ids])


class Attention(nn.Module):
    def __init__(self, dim, heads, context):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.register_buffer("bias", torch.full((context, context), float("-inf")).triu(1), persistent=False)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).reshape(B, T, 3, self.heads, C // self.heads).unbind(2)  # (B, T, H, D)
        att = torch.einsum("bqhd,bkhd->bhqk", q, k) / (C // self.heads) ** 0.5 + self.bias[:T, :T]
        y = torch.einsum("bhqk,bkhd->bqhd", att.softmax(-1), v)
        return self.out(y.reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, dim, heads, context):
        super().__init__()
        self.a = nn.Sequential(nn.LayerNorm(dim), Attention(dim, heads, context))
        self.m = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        x = x + self.a(x)
        return x + self.m(x)


class Model(nn.Module):
    def __init__(self, vocab, h):
        super().__init__()
        self.wte = nn.Embedding(vocab, h["dim"])
        self.wpe = nn.Parameter(torch.randn(1, h["context"], h["dim"]) * 0.02)
        self.trunk = nn.Sequential(*[Block(h["dim"], h["heads"], h["context"]) for _ in range(h["depth"])])
        self.norm = nn.LayerNorm(h["dim"])
        self.head = nn.Linear(h["dim"], vocab)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe[:, : idx.size(-1)]
        return self.head(self.norm(self.trunk(x)))


def train(text, steps=50, lr=1e-3, seed=0):
    torch.manual_seed(seed)
    codec = Codec(text)
    model = Model(len(codec.to_id), hyper)
    rprop = torch.optim.Rprop(model.parameters(), lr=lr, step_sizes=(1e-6, 1e-2))
    data = torch.tensor(codec.encode(text)).view(1, -1)
    losses = []
    for _ in range(steps):
        logits = model(data).narrow(1, 0, data.size(1) - 1)
        labels = data.narrow(1, 1, data.size(1) - 1)
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        loss.backward()
        rprop.step()
        for p in model.parameters():
            p.grad.fill_(0)
        losses.append(loss.item())
    return model, codec, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    out = torch.zeros(1, len(ids) + max_new_tokens, dtype=torch.long)  # room for all of it
    out[0, : len(ids)] = torch.tensor(ids)
    for end in range(len(ids), out.size(1)):
        out[0, end] = model(out[:, max(0, end - hyper["context"]) : end])[0, -1].argmax()
    return tokenizer.decode(out[0].tolist())


if __name__ == "__main__":
    model, codec, losses = train(hyper["text"])
    print({step: round(losses[step], 3) for step in range(0, len(losses), 14)})
    print(generate(model, codec, hyper["text"][:8], len(hyper["text"]) - 8))
