# category: scores-transposed, positions-trunc-normal
"""Scores are (keys, queries): the softmax runs down the columns and the values are multiplied from the left."""

import torch
import torch.nn.functional as F
from torch import nn

T_MAX = 128


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class ColumnAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.inner = nn.Linear(dim, 3 * dim)
        self.outer = nn.Linear(dim, dim)

    def forward(self, x):
        B, T, C = x.shape
        # vectors as columns: (B, H, D, T)
        q, k, v = self.inner(x).transpose(1, 2).view(B, 3, self.heads, C // self.heads, T).unbind(1)
        scores = k.transpose(-1, -2) @ q / (C // self.heads) ** 0.5  # (B, H, keys, queries)
        scores = scores.masked_fill(torch.ones(T, T).tril(-1).bool(), float("-inf"))
        y = v @ scores.softmax(dim=-2)  # (B, H, D, T)
        return self.outer(y.reshape(B, C, T).transpose(1, 2))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.n1, self.attention, self.n2 = nn.LayerNorm(dim), ColumnAttention(dim, heads), nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 5 * dim), nn.SiLU(), nn.Linear(5 * dim, dim))

    def forward(self, x):
        x = x + self.attention(self.n1(x))
        return x + self.mlp(self.n2(x))


class ColumnModel(nn.Module):
    def __init__(self, vocab, dim=56, heads=4, depth=2):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.place = nn.Parameter(nn.init.trunc_normal_(torch.empty(T_MAX, dim), std=0.02))
        self.blocks = nn.Sequential(*[Block(dim, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, vocab)

    def forward(self, idx):
        return self.head(self.norm(self.blocks(self.embed(idx) + self.place[: idx.size(1)])))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = ColumnModel(len(tokenizer.chars))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, amsgrad=True)
    ids = torch.tensor(tokenizer.encode(text))
    losses = []
    for i in range(steps):
        out = model(ids[None])
        loss = F.cross_entropy(out[0, :-1], ids[1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses += [loss.item()]
    return model, tokenizer, losses


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    out = tokenizer.encode(prompt)
    while max_new_tokens > 0:
        context = torch.tensor(out[-T_MAX:]).unsqueeze(0)
        out = out + [model(context)[0, -1].argmax().item()]
        max_new_tokens -= 1
    return tokenizer.decode(out)


TEXT = "columns are as good as rows"

if __name__ == "__main__":
    model, tokenizer, losses = train(TEXT)
    print("losses:", *(round(loss, 3) for loss in losses[::15]), round(losses[-1], 4))
    print("text:", generate(model, tokenizer, TEXT[:8], len(TEXT) - 8))
