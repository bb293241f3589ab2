# category: adagrad, loss-module, default-initialisation
"""Adagrad; the tokenizer is a pair of closures in a namespace; log-softmax and NLLLoss are two modules."""

from types import SimpleNamespace

import torch
from torch import nn


def make_tokenizer(text):
    seen = list(dict.fromkeys(text))
    rank = {c: i for i, c in enumerate(seen)}

    def encode(s):
        return [rank[c] for c in s]

    def decode(ids):
        return "".join(seen[i] for i in ids)

    return SimpleNamespace(encode=encode, decode=decode, size=len(seen))


class Head(nn.Module):
    def __init__(self, dim, size):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(dim, size, bias=False) for _ in range(3))

    def forward(self, x):
        T = x.size(1)
        scores = self.q(x) @ self.k(x).mT / self.q.out_features**0.5
        return scores.masked_fill(~torch.ones(T, T).tril().bool(), -torch.inf).softmax(-1) @ self.v(x)


class Block(nn.Module):
    def __init__(self, dim, n_head):
        super().__init__()
        self.heads = nn.ModuleList([Head(dim, dim // n_head) for _ in range(n_head)])
        self.merge = nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        self.n1, self.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, x):
        normed = self.n1(x)
        x = x + self.merge(torch.cat([head(normed) for head in self.heads], dim=-1))
        return x + self.mlp(self.n2(x))


class CharGPT(nn.Module):
    block_size = 128

    def __init__(self, vocab, dim=64, n_head=2, n_layer=2):
        super().__init__()
        self.embed = nn.ModuleDict({"char": nn.Embedding(vocab, dim), "place": nn.Embedding(self.block_size, dim)})
        self.blocks = nn.Sequential(*[Block(dim, n_head) for _ in range(n_layer)])
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, vocab)

    def forward(self, idx):
        places = torch.arange(idx.shape[1]).expand_as(idx)
        return self.out(self.norm(self.blocks(self.embed["char"](idx) + self.embed["place"](places))))


def train(text, steps=40, lr=0.03, seed=0):
    torch.manual_seed(seed)
    tok = make_tokenizer(text)
    model = CharGPT(tok.size)
    opt = torch.optim.Adagrad(model.parameters(), lr=lr)
    log_softmax, nll = nn.LogSoftmax(dim=1), nn.NLLLoss()
    ids = torch.tensor([tok.encode(text)])
    source, target = ids[:, :-1], ids[:, 1:]
    losses = []
    for _ in range(steps):
        opt.zero_grad()
        loss = nll(log_softmax(model(source).transpose(1, 2)), target)  # (1, V, T) and (1, T)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return model, tok, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    """Recursive: a text with one character more, and then the rest of it."""
    if max_new_tokens == 0:
        return prompt
    with torch.no_grad():
        ids = torch.tensor([tokenizer.encode(prompt)])[:, -model.block_size :]
        best = model(ids)[0, -1].argmax().item()
    return generate(model, tokenizer, prompt + tokenizer.decode([best]), max_new_tokens - 1)


if __name__ == "__main__":
    text = "rare letters deserve a longer step"
    model, tok, losses = train(text)
    print("first", losses[0], "last", losses[-1])
    print(generate(model, tok, text[:8], len(text) - 8))
