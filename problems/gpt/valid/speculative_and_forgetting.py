# category: forgetting-attention, line-search, double-precision, speculative-generation
"""A second-order GPT: L-BFGS on the whole text in double precision. Forgetting attention (data-dependent decay) and
positions as binary numbers, no normalisation layers but a scaled tanh, attention and MLP side by side with a single
key/value head, a factorised and tied embedding, loss in bits; generation is greedy but speculative: n-grams that were
seen before are proposed and only what the model itself would have said is kept."""

import math

import torch
from torch import nn

SENTENCE = "attention is a soft lookup over the past"


class Codec:
    def __init__(self, text):
        self.table = sorted({ord(c) for c in text})
        self.back = {code: i for i, code in enumerate(self.table)}

    def encode(self, text):
        return [self.back[ord(c)] for c in text]

    def decode(self, ids):
        return "".join(chr(self.table[i]) for i in ids)


class Squash(nn.Module):
    """Dynamic tanh."""

    def __init__(self, dim, alpha=0.7):
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(alpha))
        self.gain = nn.Parameter(torch.ones(dim))
        self.shift = nn.Parameter(torch.zeros(dim))

    def forward(self, x):
        return torch.tanh(self.alpha * x) * self.gain + self.shift


class SideBySide(nn.Module):
    """One matrix in, one matrix out: queries, the one key, the one value, forget gates and the MLP all come from it."""

    def __init__(self, dim=64, heads=4, head_dim=16, hidden=128):
        super().__init__()
        self.heads = heads
        self.cuts = [heads * head_dim, head_dim, head_dim, heads, hidden]
        self.squash = Squash(dim)
        self.fan_in = nn.Linear(dim, sum(self.cuts))
        self.fan_out = nn.Linear(heads * head_dim + hidden, dim)
        nn.init.orthogonal_(self.fan_in.weight)
        nn.init.orthogonal_(self.fan_out.weight, gain=0.5)
        with torch.no_grad():  # half-lives from one step to many
            start = sum(self.cuts[:3])
            self.fan_in.bias[start : start + heads] = torch.linspace(0.0, 4.0, heads)

    def forward(self, x):
        B, T, _ = x.shape
        q, k, v, forget, hidden = self.fan_in(self.squash(x)).split(self.cuts, -1)
        q = q.view(B, T, self.heads, -1).transpose(1, 2)
        fade = nn.functional.logsigmoid(forget).cumsum(1).transpose(1, 2)  # (B, H, T)
        score = q @ k[:, None].mT / math.sqrt(k.size(-1)) + fade[..., :, None] - fade[..., None, :]
        future = torch.ones(T, T, dtype=torch.bool).triu(1)
        weight = torch.softmax(score.masked_fill(future, -math.inf), -1)
        read = (weight @ v[:, None]).transpose(1, 2).reshape(B, T, -1)
        return x + self.fan_out(torch.cat((read, torch.nn.functional.mish(hidden)), -1))


class NewtonGPT(nn.Module):
    max_context = 256

    def __init__(self, vocab, dim=64, rank=24, depth=2):
        super().__init__()
        self.codes = nn.Parameter(torch.randn(vocab, rank) * 0.3)
        self.lift = nn.Parameter(torch.randn(rank, dim) / math.sqrt(rank))
        self.clock = nn.Parameter(torch.randn(8, dim) * 0.15)
        self.blocks = nn.Sequential(*[SideBySide(dim) for _ in range(depth)])
        self.final = Squash(dim)

    def forward(self, idx):
        table = self.codes @ self.lift  # (V, C), at both ends
        t = torch.arange(idx.size(1))
        digits = (t[:, None] >> torch.arange(8)) % 2 * 2 - 1  # the position in binary, as -1 and 1
        return self.final(self.blocks(table[idx] + digits.to(table) @ self.clock)) @ table.T


class LBFGS:
    """Two-loop recursion over the last pairs (s, y); a pair of doubtful curvature is damped (Powell), and no step may
    be longer than the trust radius. Everything is scaled by lr at the end."""

    def __init__(self, params, lr, history=10, radius=1.5):
        self.params = list(params)
        self.lr, self.history, self.radius = lr, history, radius
        self.pairs, self.last = [], None

    def direction(self, g):
        d, alphas = g.clone(), []
        for s, y, rho in reversed(self.pairs):
            alphas.append(rho * (s @ d))
            d -= alphas[-1] * y
        if self.pairs:
            s, y, rho = self.pairs[-1]
            d /= rho * (y @ y)
        for (s, y, rho), alpha in zip(self.pairs, reversed(alphas), strict=True):
            d += (alpha - rho * (y @ d)) * s
        return -d

    @torch.no_grad()
    def step(self, grads):
        g = nn.utils.parameters_to_vector(grads)
        w = nn.utils.parameters_to_vector(self.params)
        if self.last is not None:
            s, y = w - self.last[0], g - self.last[1]
            bs = s * self.last[2]  # the curvature that was assumed so far, as a scalar
            sy, sbs = s @ y, s @ bs
            if sy < 0.2 * sbs:
                theta = 0.8 * sbs / (sbs - sy)
                y = theta * y + (1 - theta) * bs
                sy = s @ y
            if sy > 1e-12:
                self.pairs = [*self.pairs, (s, y, 1 / sy)][-self.history :]
        d = self.direction(g)
        d *= (self.radius / d.norm().clamp(min=1e-12)).clamp(max=1.0)
        curvature = (self.pairs[-1][1].norm() / self.pairs[-1][0].norm()).item() if self.pairs else 1.0
        self.last = (w, g, 0.05 * curvature)
        nn.utils.vector_to_parameters(w + self.lr * d, self.params)


def train(text, steps=90, lr=1.0, seed=0):
    before = torch.get_rng_state()
    torch.manual_seed(seed)
    codec = Codec(text)
    model = NewtonGPT(len(codec.table)).double()
    torch.set_rng_state(before)  # leave the caller's randomness alone
    idx = torch.tensor([codec.encode(text)])
    solver = LBFGS(model.parameters(), lr)
    losses = []
    for _ in range(steps):
        logp = torch.log_softmax(model(idx)[:, :-1], -1)
        bits = -logp.gather(-1, idx[:, 1:, None]).mean() / math.log(2)
        solver.step(torch.autograd.grad(bits, solver.params))
        losses.append(bits.item())
    return model, codec, losses


def propose(ids, want, longest=4):
    """What followed the last time that the latest characters stood there."""
    for n in range(min(longest, len(ids) - 1), 0, -1):
        for at in range(len(ids) - n - 1, -1, -1):
            if ids[at : at + n] == ids[-n:]:
                return ids[at + n : at + n + want]
    return []


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    goal = len(ids) + max_new_tokens
    while len(ids) < goal:
        room = model.max_context
        draft = propose(ids, min(5, goal - len(ids) - 1)) if len(ids) + 5 <= room else []
        context = (ids + draft)[-room:]
        said = model(torch.tensor([context]))[0, -len(draft) - 1 :].argmax(-1).tolist()
        kept = 0
        while kept < len(draft) and draft[kept] == said[kept]:
            kept += 1
        ids += said[: kept + 1]
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"bits {losses[0]:.3f} -> {losses[-1]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
