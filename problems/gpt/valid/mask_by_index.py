# category: mask-index-tricks, positions-uniform, zero-grad-by-hand
"""The mask compares the indices of queries and keys; positions start uniform; gradients are set to None by hand."""

import torch
from torch import nn

D, H, L, N = 48, 3, 2, 128


class Codec:
    def __init__(self, text):
        self.table = list(dict.fromkeys(text))  # in the order of appearance

    def encode(self, text):
        return [self.table.index(char) for char in text]

    def decode(self, codes):
        return str().join(self.table[code] for code in codes)


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(D, D) for _ in range(4))

    def forward(self, x):
        batch, length, _ = x.shape
        split = lambda t: t.unflatten(-1, (H, D // H)).transpose(-2, -3)
        q, k, v = split(self.q(x)), split(self.k(x)), split(self.v(x))
        step = torch.arange(length)
        allowed = step[:, None] >= step[None, :]  # query i may see key j <= i
        scores = q @ k.transpose(-1, -2) / (D // H) ** 0.5
        scores = torch.where(allowed, scores, scores.new_tensor(-torch.inf))
        shares = torch.exp(scores - torch.logsumexp(scores, dim=-1, keepdim=True))
        return self.o((shares @ v).transpose(-2, -3).reshape(batch, length, D))


class Unit(nn.Module):
    def __init__(self):
        super().__init__()
        self.before_mix = nn.LayerNorm(D)
        self.mix = Mixer()
        self.before_think = nn.LayerNorm(D)
        self.think = nn.Sequential(nn.Linear(D, 4 * D), nn.SiLU(), nn.Linear(4 * D, D))

    def forward(self, x):
        x = x + self.mix(self.before_mix(x))
        x = x + self.think(self.before_think(x))
        return x


class CharModel(nn.Module):
    def __init__(self, symbols):
        super().__init__()
        self.embed = nn.Embedding(symbols, D)
        self.where = nn.Parameter(torch.rand(N, D) * 0.2 - 0.1)
        self.units = nn.ModuleList([Unit() for _ in range(L)])
        self.last = nn.LayerNorm(D)
        self.score = nn.Linear(D, symbols)

    def forward(self, idx):
        length = idx.shape[-1]
        x = self.embed(idx) + self.where[torch.arange(length)]
        for unit in self.units:
            x = unit(x)
        return self.score(self.last(x))


def next_char_loss(logits, idx):
    log_probs = logits.log_softmax(-1)[:, :-1]
    picked = log_probs.gather(-1, idx[:, 1:, None])
    return -picked.mean()


def train(text, steps=80, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    codec = Codec(text)
    model = CharModel(len(codec.table))
    adam = torch.optim.NAdam(model.parameters(), lr=lr)
    idx = torch.tensor([codec.encode(text)])
    losses = []
    for _ in range(steps):
        for parameter in model.parameters():
            parameter.grad = None
        loss = next_char_loss(model(idx), idx)
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return model, codec, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    out = list(tokenizer.encode(prompt))
    for _ in range(max_new_tokens):
        with torch.no_grad():
            scores = model(torch.as_tensor(out[-N:]).reshape(1, -1))
        out.append(scores[0, -1].max(dim=0).indices.item())
    return tokenizer.decode(out)


if __name__ == "__main__":
    goal = "no token may look at what comes after it"
    model, codec, losses = train(goal)
    print(losses[0], losses[len(losses) // 2], losses[-1])
    print(generate(model, codec, goal[:8], len(goal) - 8))
