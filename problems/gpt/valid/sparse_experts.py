# category: sparse-mixture, query-key-norm
"""Each token goes to one of eight experts, whichever its router likes best; a penalty keeps them all in work."""

import torch
import torch.nn.functional as F
from torch import nn

PROVERB = "send each word to the one who knows it"


class Letters:
    def __init__(self, text):
        self.known = sorted(set(text))

    def encode(self, text):
        return [self.known.index(letter) for letter in text]

    def decode(self, ids):
        return "".join(self.known[i] for i in ids)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.wq, self.wk, self.wv, self.wo = (nn.Linear(dim, dim, bias=False) for _ in range(4))
        self.q_norm, self.k_norm = nn.RMSNorm(dim // heads), nn.RMSNorm(dim // heads)

    def forward(self, x):
        q, k, v = (w(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for w in (self.wq, self.wk, self.wv))
        y = F.scaled_dot_product_attention(self.q_norm(q), self.k_norm(k), v, is_causal=True)
        return self.wo(y.transpose(1, 2).flatten(2))


class Expert(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.gate, self.up = nn.Linear(dim, hidden, bias=False), nn.Linear(dim, hidden, bias=False)
        self.down = nn.Linear(hidden, dim, bias=False)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Mixture(nn.Module):
    def __init__(self, dim, count=8):
        super().__init__()
        self.router = nn.Linear(dim, count, bias=False)
        self.experts = nn.ModuleList(Expert(dim, dim) for _ in range(count))
        self.uneven = torch.zeros(())

    def forward(self, x):
        tokens = x.flatten(0, 1)  # (B * T, C)
        shares = self.router(tokens).softmax(dim=-1)  # (B * T, E)
        weight, which = shares.max(dim=-1)
        out = torch.zeros_like(tokens)
        for number, expert in enumerate(self.experts):
            rows = (which == number).nonzero()[:, 0]
            out = out.index_add(0, rows, expert(tokens[rows]) * weight[rows, None])
        asked = F.one_hot(which, len(self.experts)).to(x.dtype).mean(dim=0)
        self.uneven = len(self.experts) * (asked * shares.mean(dim=0)).sum()
        return out.view_as(x)


class Layer(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm_1, self.attention = nn.RMSNorm(dim), Attention(dim, heads)
        self.norm_2, self.mixture = nn.RMSNorm(dim), Mixture(dim)

    def forward(self, x):
        x = x + self.attention(self.norm_1(x))
        return x + self.mixture(self.norm_2(x))


class SparseGPT(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, depth=2, context=128):
        super().__init__()
        self.letters, self.places = nn.Embedding(vocab, dim), nn.Embedding(context, dim)
        self.layers = nn.ModuleList(Layer(dim, heads) for _ in range(depth))
        self.norm, self.head = nn.RMSNorm(dim), nn.Linear(dim, vocab, bias=False)
        for table in (self.letters, self.places, self.head):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, idx):
        x = self.letters(idx) + self.places.weight[: idx.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    letters = Letters(text)
    model = SparseGPT(len(letters.known))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor(letters.encode(text))[None]
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        uneven = sum(layer.mixture.uneven for layer in model.layers)
        optimizer.zero_grad()
        (loss + 0.01 * uneven).backward()
        optimizer.step()
        losses.append(loss.item())
    return model, letters, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        ids.append(int(model(torch.tensor([ids[-128:]]))[0, -1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, letters, losses = train(PROVERB)
    print(losses[0], losses[-1])
    print(generate(model, letters, PROVERB[:8], len(PROVERB) - 8))
