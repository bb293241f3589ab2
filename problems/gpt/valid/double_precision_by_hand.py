# category: double-precision, softmax-by-hand
"""Everything in float64, masks and norms included: slower, and no rounding to worry about."""

import torch
import torch.nn.functional as F
from torch import nn


class Codec:
    def __init__(self, vocab):
        self.vocab = vocab
        self.encode = lambda s: [vocab.index(c) for c in s]
        self.decode = lambda l: "".join(vocab[i] for i in l)


class Head(nn.Module):
    def __init__(self, width, size):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(width, size, bias=False, dtype=torch.float64) for _ in range(3))

    def forward(self, x):
        q, k, v = self.q(x), self.k(x), self.v(x)  # (B, T, D)
        e = torch.einsum("bqd,bkd->bqk", q, k) / q.shape[-1] ** 0.5
        past = torch.ones(e.shape[-2:], dtype=torch.bool).tril()
        e = e - e.masked_fill(~past, -torch.inf).amax(dim=-1, keepdim=True)
        p = torch.where(past, e, -torch.inf).exp()
        return (p / p.sum(-1, keepdim=True)) @ v


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm_1 = nn.LayerNorm(width, dtype=torch.float64)
        self.heads = nn.ModuleList(Head(width, width // heads) for _ in range(heads))
        self.merge = nn.Linear(width, width, dtype=torch.float64)
        self.norm_2 = nn.LayerNorm(width, dtype=torch.float64)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width)).double()

    def forward(self, x):
        h = self.norm_1(x)
        x = x + self.merge(torch.cat([head(h) for head in self.heads], dim=-1))
        return x + self.mlp(self.norm_2(x))


class Double(nn.Module):
    context = 128

    def __init__(self, vocab, width=32, heads=2, depth=2):
        super().__init__()
        self.tokens = nn.Embedding(vocab, width, dtype=torch.float64)
        self.positions = nn.Parameter(torch.randn(self.context, width, dtype=torch.double) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, dtype=torch.float64)
        self.head = nn.Linear(width, vocab).double()

    def forward(self, idx):
        x = self.tokens(idx) + self.positions[: idx.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def next_token_loss(model, ids):
    logits = model(ids[:-1].view(1, -1)).squeeze(0)
    return F.cross_entropy(logits, ids[1:])


def train(text, steps=60, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    codec = Codec(sorted(set(text)))
    model = Double(len(codec.vocab))
    ids = torch.tensor(codec.encode(text))
    optimizer = torch.optim.NAdam(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = next_token_loss(model, ids)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, codec, losses


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    out = tokenizer.encode(prompt)
    while max_new_tokens > 0:
        context = torch.tensor(out[-Double.context :]).unsqueeze(0)
        out = out + [model(context)[0, -1].argmax().item()]
        max_new_tokens -= 1
    return tokenizer.decode(out)


def main():
    text = "twice the bits and half the doubt"
    model, codec, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, codec, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
