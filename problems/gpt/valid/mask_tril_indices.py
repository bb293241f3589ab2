# category: mask-index-tricks, registered-mask, positions-xavier, sgd
"""Everything is forbidden at first; tril_indices opens the past. Plain gradient descent without momentum."""

import torch
import torch.nn as nn
import torch.nn.functional as F

CONTEXT = 128


def open_past(size):
    table = torch.full((size, size), float("-inf"))
    i, j = torch.tril_indices(size, size)
    table[i, j] = 0.0
    return table


class SelfAttention(nn.Module):
    def __init__(self, width, n_head):
        super().__init__()
        self.n_head = n_head
        self.qkv = nn.Linear(width, 3 * width)
        self.back = nn.Linear(width, width)
        self.register_buffer("table", open_past(CONTEXT))

    def forward(self, x):
        batch, time, width = x.shape
        per_head = width // self.n_head
        packed = self.qkv(x).reshape(batch, time, 3, self.n_head, per_head)
        q, k, v = packed.permute(2, 0, 3, 1, 4)
        logits = q @ k.transpose(-1, -2)
        logits = logits / per_head**0.5 + self.table[:time, :time]
        mixed = torch.softmax(logits, dim=-1) @ v
        return self.back(mixed.transpose(1, 2).reshape(batch, time, width))


class Block(nn.Module):
    def __init__(self, width, n_head):
        super().__init__()
        self.norm_in = nn.LayerNorm(width)
        self.attention = SelfAttention(width, n_head)
        self.norm_mid = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, 4 * width)
        self.visible = nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attention(self.norm_in(x))
        return x + self.visible(F.gelu(self.hidden(self.norm_mid(x))))


class LanguageModel(nn.Module):
    def __init__(self, size, width=64, n_head=4, n_layer=2):
        super().__init__()
        self.symbols = nn.Embedding(size, width)
        self.places = nn.Parameter(torch.empty(CONTEXT, width))
        nn.init.xavier_uniform_(self.places)
        self.blocks = nn.ModuleList([Block(width, n_head) for _ in range(n_layer)])
        self.norm = nn.LayerNorm(width)
        self.unembed = nn.Linear(width, size)

    def forward(self, idx):
        x = self.symbols(idx)
        x = x + self.places[: idx.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.unembed(self.norm(x))


class Symbols:
    def __init__(self, text):
        self.list = sorted(set(text))

    def encode(self, text):
        lookup = dict(zip(self.list, range(len(self.list))))
        return [lookup[c] for c in text]

    def decode(self, ids):
        return "".join(map(self.list.__getitem__, ids))


def train(text, steps=150, lr=0.2, seed=0):
    torch.manual_seed(seed)
    symbols = Symbols(text)
    model = LanguageModel(len(symbols.list))
    sgd = torch.optim.SGD(model.parameters(), lr=lr)
    ids = torch.tensor(symbols.encode(text))
    losses = []
    for _ in range(steps):
        sgd.zero_grad()
        scores = model(ids[None, :-1])[0]
        loss = F.cross_entropy(scores, ids[1:])
        loss.backward()
        sgd.step()
        losses.append(float(loss))
    return model, symbols, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        seen = torch.tensor(ids[-CONTEXT:])[None]
        ids.append(model(seen)[0, -1].argmax().item())
    return tokenizer.decode(ids)


if __name__ == "__main__":
    text = "the step is small but the way is long"
    model, symbols, losses = train(text)
    print(losses[0], losses[-1])
    print(generate(model, symbols, text[:8], len(text) - 8))
