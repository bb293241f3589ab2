# category: beam-search, distribution-loss
"""The loss is the negative log-probability of a Categorical; generation is a beam search one beam wide."""

from dataclasses import dataclass, field

import torch
from torch import nn
from torch.distributions import Categorical

SENTENCE = "a beam of one is greed by another name"


@dataclass
class Tokenizer:
    text: str
    symbols: list[str] = field(init=False)

    def __post_init__(self):
        self.symbols = sorted(set(self.text))

    def encode(self, text):
        return [self.symbols.index(s) for s in text]

    def decode(self, ids):
        return "".join(self.symbols[i] for i in ids)


@dataclass
class Beam:
    ids: list[int]
    score: float = 0.0


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.merge = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.Softplus(), nn.Linear(4 * dim, dim))

    def attend(self, x):
        B, T, C = x.shape
        q, k, v = (t.reshape(B, T, self.heads, -1).permute(0, 2, 1, 3) for t in self.qkv(x).chunk(3, dim=-1))
        scores = q @ k.permute(0, 1, 3, 2) / (C // self.heads) ** 0.5
        scores = scores.masked_fill(~torch.ones(T, T, dtype=torch.bool).tril(), -torch.inf)
        return self.merge((scores.softmax(-1) @ v).permute(0, 2, 1, 3).reshape(B, T, C))

    def forward(self, x):
        x = x + self.attend(self.norm_1(x))
        return x + self.mlp(self.norm_2(x))


class GPT(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, depth=2, context=128):
        super().__init__()
        self.context = context
        self.wte, self.wpe = nn.Embedding(vocab, dim), nn.Embedding(context, dim)
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, vocab)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        return self.head(self.norm(self.blocks(x)))


def train(text, steps=50, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.symbols))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        said = Categorical(logits=model(ids[:, :-1]))
        loss = -said.log_prob(ids[:, 1:]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens, width=1):
    beams = [Beam(tokenizer.encode(prompt))]
    for _ in range(max_new_tokens):
        longer = []
        for beam in beams:
            log_p = model(torch.tensor([beam.ids[-model.context :]]))[0, -1].log_softmax(-1)
            scores, ids = log_p.topk(width)
            longer += [Beam([*beam.ids, i], beam.score + s) for s, i in zip(scores.tolist(), ids.tolist())]
        beams = sorted(longer, key=lambda beam: beam.score, reverse=True)[:width]
    return tokenizer.decode(beams[0].ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
