# category: lion-by-hand, mask-index-tricks, einsum
"""An optimizer of our own (Lion: the sign of an interpolated momentum) under a small pre-norm decoder."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                direction = m.lerp(p.grad, 1 - b1).sign_()
                p.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction, alpha=-group["lr"])
                m.lerp_(p.grad, 1 - b2)


class Tokenizer:
    def __init__(self, text):
        self.letters = sorted(set(text))
        self.codes = {letter: code for code, letter in enumerate(self.letters)}

    def encode(self, text):
        return [self.codes[letter] for letter in text]

    def decode(self, codes):
        return "".join(self.letters[code] for code in codes)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.size = heads, dim // heads
        self.into = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x):
        B, T, C = x.shape
        # the heads come first in the fused projection: each has its own q, k, v
        q, k, v = self.into(x).view(B, T, self.heads, 3, self.size).transpose(1, 2).unbind(3)
        scores = torch.einsum("bhtd,bhsd->bhts", q, k).div(self.size**0.5)
        rows, columns = torch.triu_indices(T, T, offset=1)
        scores[:, :, rows, columns] = -torch.inf
        return self.out((scores.softmax(3) @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(dim), nn.LayerNorm(dim)])
        self.branches = nn.ModuleList(
            [
                Attention(dim, heads),
                nn.Sequential(nn.Linear(dim, 3 * dim), nn.Mish(), nn.Linear(3 * dim, dim)),
            ]
        )

    def forward(self, x):
        for norm, branch in zip(self.norms, self.branches):
            x = x + branch(norm(x))
        return x


class Decoder(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, depth=2, window=128):
        super().__init__()
        self.window = window
        self.embed = nn.Embedding(vocab, dim)
        self.place = nn.Parameter(nn.init.orthogonal_(torch.empty(window, dim)))
        self.blocks = nn.Sequential(*[Block(dim, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.classify = nn.Linear(dim, vocab)

    def forward(self, idx):
        x = self.embed(idx) + self.place[: idx.shape[1]]
        return self.classify(self.norm(self.blocks(x)))


def train(text, steps=80, lr=1.5e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = Decoder(len(tokenizer.letters))
    lion = Lion(model.parameters(), lr=lr)
    idx = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        logits = model(idx)[:, :-1]
        loss = F.cross_entropy(logits.mT, idx[:, 1:])
        lion.zero_grad()
        loss.backward()
        lion.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -model.window :])
        idx = torch.cat([idx, logits[:, -1].argmax(-1, True)], 1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    line = "a small model can know one line by heart"
    model, tokenizer, losses = train(line)
    print("losses", [round(loss, 3) for loss in losses[::10]])
    print(generate(model, tokenizer, line[:8], len(line) - 8))
