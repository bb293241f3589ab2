# category: mixture-of-experts, mask-index-tricks
"""Two experts in place of the MLP, both asked, and a router that weighs what they say."""

import torch
import torch.nn.functional as F
from torch import nn


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.output = nn.Linear(width, width)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (
            f(x).view(B, T, self.heads, -1).transpose(1, 2) for f in (self.query, self.key, self.value)
        )
        age = torch.arange(T).view(T, 1) - torch.arange(T).view(1, T)  # how long ago the key was
        scores = (q @ k.mT / (C // self.heads) ** 0.5).masked_fill(age < 0, -torch.inf)
        return self.output((scores.softmax(dim=-1) @ v).transpose(1, 2).reshape(B, T, C))


class Experts(nn.Module):
    def __init__(self, width, hidden, count=2):
        super().__init__()
        self.router = nn.Linear(width, count)
        self.up = nn.Parameter(torch.randn(count, width, hidden) * width**-0.5)
        self.down = nn.Parameter(torch.randn(count, hidden, width) * hidden**-0.5)

    def forward(self, x):
        shares = self.router(x).softmax(dim=-1)  # (B, T, E)
        hidden = F.gelu(torch.einsum("btc,ech->bteh", x, self.up))
        return torch.einsum("bteh,ehc,bte->btc", hidden, self.down, shares)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm_1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm_2, self.experts = nn.LayerNorm(width), Experts(width, 2 * width)

    def forward(self, x):
        x = x + self.attention(self.norm_1(x))
        return x + self.experts(self.norm_2(x))


class ExpertLM(nn.Module):
    def __init__(self, vocab, width=64, heads=4, depth=2, context=128):
        super().__init__()
        self.context = context
        self.letters, self.places = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocab)

    def forward(self, idx):
        x = self.letters(idx) + self.places(torch.arange(idx.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = ExpertLM(len(tokenizer.chars))
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


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    out = tokenizer.encode(prompt)
    while max_new_tokens > 0:
        context = torch.tensor(out[-model.context :]).unsqueeze(0)
        out = out + [model(context)[0, -1].argmax().item()]
        max_new_tokens -= 1
    return tokenizer.decode(out)


TEXT = "ask two experts and weigh their words"

if __name__ == "__main__":
    model, tokenizer, losses = train(TEXT)
    print("losses:", *(round(loss, 3) for loss in losses[::15]), round(losses[-1], 4))
    print("text:", generate(model, tokenizer, TEXT[:8], len(TEXT) - 8))
