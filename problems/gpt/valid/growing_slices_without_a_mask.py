# category: time-first, double-precision, grouped-query, refactored-into-functions, lion-by-hand, loss-by-hand
import itertools

import torch
from torch import nn, optim

SENTENCE = "attention is a soft lookup over the past"

MAX_LEN = 256
DTYPE = torch.float64


class Alphabet(str):
    """The distinct characters in order of appearance; a character's id is its index."""

    def __new__(cls, text):
        return super().__new__(cls, "".join(dict.fromkeys(text)))

    def encode(self, s):                     # this alphabet's own encode, in place of str's
        return [self.index(c) for c in s]

    def decode(self, ids):
        return "".join(self[i] for i in ids)


class GrowingAttention(nn.Module):
    """Multi-query attention. Time t is handed the slice [0, t] and nothing else, so there is nothing to mask."""

    def __init__(self, width, n_heads):
        super().__init__()
        self.n_heads, self.size = n_heads, width // n_heads
        self.to_q = nn.Linear(width, width, bias=False, dtype=DTYPE)
        self.to_kv = nn.Linear(width, 2 * self.size, bias=False, dtype=DTYPE)      # one key/value for all the heads
        self.merge = nn.Linear(width, width, dtype=DTYPE)

    def forward(self, x):                                              # (T, B, width)
        T, B, _ = x.shape
        queries = self.to_q(x).view(T, B, self.n_heads, self.size) / self.size ** 0.5
        keys, values = self.to_kv(x).transpose(0, 1).chunk(2, dim=-1)  # (B, T, size)
        seen = []
        for t, q in enumerate(queries.unbind(0)):                      # q: (B, heads, size)
            weights = torch.bmm(q, keys[:, : t + 1].transpose(1, 2)).softmax(dim=-1)
            seen.append(torch.bmm(weights, values[:, : t + 1]).flatten(1))
        return self.merge(torch.stack(seen))


class Layer(nn.Module):
    def __init__(self, width, n_heads):
        super().__init__()
        self.where = nn.Parameter(torch.randn(MAX_LEN, 1, width, dtype=DTYPE) * 0.1)
        self.pre_attend = nn.LayerNorm(width, dtype=DTYPE)
        self.attend = GrowingAttention(width, n_heads)
        self.think = nn.Sequential(
            nn.LayerNorm(width, dtype=DTYPE),
            nn.Linear(width, 2 * width, dtype=DTYPE),
            nn.SiLU(),
            nn.Linear(2 * width, width, dtype=DTYPE),
        )

    def forward(self, x):
        x = x + self.attend(self.pre_attend(x + self.where[: len(x)]))  # positions are told anew to every layer
        return x + self.think(x)


class TimeFirstGPT(nn.Module):
    def __init__(self, n_chars, width=32, n_heads=4, n_layers=2):
        super().__init__()
        self.lookup = nn.Parameter(torch.randn(n_chars, width, dtype=DTYPE) * 0.3)
        self.layers = nn.Sequential(*(Layer(width, n_heads) for _ in range(n_layers)))
        self.out = nn.Sequential(nn.LayerNorm(width, dtype=DTYPE), nn.Linear(width, n_chars, bias=False, dtype=DTYPE))

    def forward(self, idx):
        x = nn.functional.embedding(idx.t(), self.lookup)              # (T, B, width)
        return self.out(self.layers(x)).transpose(0, 1)                # (B, T, n_chars), a view


class Lion(optim.Optimizer):
    """Sign of an interpolated momentum (Chen et al., 2023), without weight decay."""

    def __init__(self, params, lr, betas=(0.9, 0.95)):
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure):
        with torch.enable_grad():
            loss = closure()
        for group in self.param_groups:
            fast, slow = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p -= group["lr"] * torch.sign(fast * m + (1 - fast) * p.grad)
                m.mul_(slow).add_(p.grad, alpha=1 - slow)
        return loss


def train(text, steps=60, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    alphabet = Alphabet(text)
    model = TimeFirstGPT(len(alphabet))
    opt = Lion(model.parameters(), lr)
    # Down in a straight line from lr to a tenth of it.
    decay = optim.lr_scheduler.LambdaLR(opt, lambda n: 1 - 0.9 * n / max(steps, 1))
    ids = torch.tensor(alphabet.encode(text))
    given, wanted = ids[:-1].view(1, -1), ids[1:]

    def closure():
        opt.zero_grad()
        logp = model(given)[0].log_softmax(dim=-1)
        loss = -logp[torch.arange(len(wanted)), wanted].mean()
        loss.backward()
        return loss

    losses = []
    for _ in range(steps):
        losses.append(opt.step(closure).item())
        decay.step()
    return model, alphabet, losses


def continuation(model, ids):
    """An endless stream of the likeliest next ids."""
    ids = list(ids)
    while True:
        with torch.no_grad():
            best = max(enumerate(model(torch.tensor([ids[-MAX_LEN:]]))[0, -1].tolist()), key=lambda pair: pair[1])[0]
        ids.append(best)
        yield best


def generate(model, tokenizer, prompt, max_new_tokens):
    stream = continuation(model, tokenizer.encode(prompt))
    return prompt + tokenizer.decode(itertools.islice(stream, max_new_tokens))


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
