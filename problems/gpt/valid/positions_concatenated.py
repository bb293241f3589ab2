# category: positions-concatenated, momentum, zero-grad-to-none-false
"""Half of the stream is the character and half is the place; SGD with Nesterov momentum."""

import torch
from torch import nn
from torch.nn import functional as F

N, WIDTH, HEADS = 128, 64, 4


class Coder:
    def __init__(self, text):
        self.table = {}
        for c in text:
            self.table.setdefault(c, len(self.table))
        self.back = list(self.table)

    def encode(self, text):
        return [self.table[c] for c in text]

    def decode(self, ids):
        return "".join(self.back[i] for i in ids)


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x):
        B, T, _ = x.shape
        shape = (B, T, HEADS, WIDTH // HEADS)
        q, k, v = (layer(x).view(shape).transpose(1, 2) for layer in (self.q, self.k, self.v))
        a = torch.matmul(q, k.transpose(-2, -1)).div((WIDTH // HEADS) ** 0.5)
        a.masked_fill_(~torch.ones_like(a[0, 0], dtype=torch.bool).tril(), -torch.inf)
        return self.o(torch.matmul(a.softmax(-1), v).transpose(1, 2).reshape(B, T, WIDTH))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix_norm, self.mix = nn.LayerNorm(WIDTH), Mixer()
        self.think_norm = nn.LayerNorm(WIDTH)
        self.think = nn.Sequential(nn.Linear(WIDTH, 3 * WIDTH), nn.SiLU(), nn.Linear(3 * WIDTH, WIDTH))

    def forward(self, x):
        x = x + self.mix(self.mix_norm(x))
        x = x + self.think(self.think_norm(x))
        return x


class Model(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.what = nn.Embedding(size, WIDTH // 2)
        self.where = nn.Embedding(N, WIDTH // 2)
        self.blocks = nn.Sequential(Block(), Block())
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, size)

    def forward(self, idx):
        where = self.where(torch.arange(idx.shape[1], device=idx.device)).expand(len(idx), -1, -1)
        return self.head(self.norm(self.blocks(torch.cat([self.what(idx), where], dim=-1))))


def train(text, steps=40, lr=0.05, seed=0):
    torch.manual_seed(seed)
    coder = Coder(text)
    model = Model(len(coder.back))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True)
    ids = torch.tensor([coder.encode(text)])
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(ids[:, :-1])[0], ids[0, 1:])
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, coder, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    model.eval()
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-N:]]))
        ids += [int(logits[0, -1].argmax())]
    return tokenizer.decode(ids)


if __name__ == "__main__":
    text = "half of me is what and half is where"
    model, coder, losses = train(text)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, coder, text[:8], len(text) - 8))
