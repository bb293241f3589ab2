# category: memory-slots, relative-bias, multi-query, parallel-branches, gradient-accumulation
"""PaLM/T5 school: attention and MLP side by side, multi-query, learnt relative-position biases, Adamax, and
gradient accumulation over slices of the text.

Positions enter only through learnt biases of the attention logits. Between tokens there is one for each head and
distance (begun as ALiBi's slopes). Every query may also attend to a few memory slots, learnt keys and values that
belong to no token, with biases learnt for each time of the query: these tell where in the row it stands, which
distances alone could not among equal characters.
"""
import bisect

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "attention is a soft lookup over the past"

CFG = dict(width=80, depth=2, heads=5, context=128, slots=12, slices=3)


class CodepointTokenizer:
    def __init__(self, codepoints):
        self.codepoints = sorted(set(codepoints))

    @classmethod
    def fit(cls, text):
        return cls(map(ord, text))

    def encode(self, text):
        out = []
        for point in map(ord, text):
            at = bisect.bisect_left(self.codepoints, point)
            if at == len(self.codepoints) or self.codepoints[at] != point:
                raise KeyError(chr(point))
            out.append(at)
        return out

    def decode(self, ids):
        return "".join(chr(self.codepoints[i]) for i in ids)


class TimeBias(nn.Module):
    """bias[h, t, :]: first the memory slots, always open, then the tokens s = 0, 1, ..., with -inf for s > t."""

    def __init__(self, heads, context, slots):
        super().__init__()
        slopes = 2.0 ** (-torch.arange(1, heads + 1).float())
        self.by_distance = nn.Parameter(-slopes[:, None] * torch.arange(context).float())
        self.to_slots = nn.Parameter(2 * torch.randn(heads, context, slots))
        t, s = torch.arange(context)[:, None], torch.arange(context)[None, :]
        self.register_buffer("distance", (t - s).clamp(min=0))
        self.register_buffer("ahead", s > t)

    def forward(self, T):
        between = self.by_distance[:, self.distance[:T, :T]].masked_fill(self.ahead[:T, :T], -torch.inf)
        return torch.cat((self.to_slots[:, :T], between), dim=-1)


class ParallelBlock(nn.Module):
    def __init__(self, width, heads, context, slots):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.parts = [width, self.size, self.size, 3 * width]  # queries, the one key, the one value, MLP
        self.norm = nn.LayerNorm(width)
        self.into = nn.Linear(width, sum(self.parts), bias=False)
        self.back = nn.Linear(width + 3 * width, width, bias=False)
        self.slot_keys = nn.Parameter(torch.randn(slots, self.size))
        self.slot_values = nn.Parameter(torch.randn(slots, self.size))
        self.bias = TimeBias(heads, context, slots)
        nn.init.zeros_(self.back.weight)  # each block begins as the identity

    def forward(self, x):
        B, T, C = x.shape
        q, k, v, h = self.into(self.norm(x)).split(self.parts, dim=-1)
        q = q.reshape(B, T, self.heads, self.size).permute(0, 2, 1, 3)
        k = torch.cat((self.slot_keys.expand(B, -1, -1), k), 1).unsqueeze(1)  # (B, 1, slots+T, size), shared by heads
        v = torch.cat((self.slot_values.expand(B, -1, -1), v), 1).unsqueeze(1)
        logits = q @ k.mT / self.size**0.5 + self.bias(T)
        mixed = (F.softmax(logits, -1) @ v).permute(0, 2, 1, 3).reshape(B, T, C)
        return x + self.back(torch.cat((mixed, F.relu(h).square()), -1))


class Model(nn.Module):
    def __init__(self, symbols, width, depth, heads, context, slots):
        super().__init__()
        self.context = context
        self.tokens = nn.Embedding(symbols, width)
        self.blocks = nn.ModuleList(ParallelBlock(width, heads, context, slots) for _ in range(depth))
        self.final = nn.LayerNorm(width)
        self.head = nn.Linear(width, symbols)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, idx):
        x = self.tokens(idx)
        for block in self.blocks:
            x = block(x)
        return self.head(self.final(x))


def accumulate(model, ids, slices):
    """Leave the gradient of the mean loss over all targets in .grad, slice by slice of the targets; return the loss.

    A slice needs no token after its end, so the model is shown only the text up to there.
    """
    count = len(ids) - 1
    total = 0.0
    for span in torch.arange(count).chunk(slices):
        begin, end = int(span[0]), int(span[-1]) + 1
        logits = model(ids[None, :end])[0, begin:]
        part = F.cross_entropy(logits, ids[begin + 1 : end + 1], reduction="sum") / count
        part.backward()
        total += part.item()
    return total


def train(text, steps=80, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    cfg = dict(CFG)
    slices = cfg.pop("slices")
    tokenizer = CodepointTokenizer.fit(text)
    model = Model(len(tokenizer.codepoints), **cfg)
    ids = torch.tensor(tokenizer.encode(text))
    biases = [p for n, p in model.named_parameters() if ".bias." in n]
    rest = [p for n, p in model.named_parameters() if ".bias." not in n]
    optimizer = torch.optim.Adamax([{"params": rest}, {"params": biases, "lr": 7.5 * lr}], lr=lr)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=max(steps, 1))
    losses = []
    for _ in range(steps):
        losses.append(accumulate(model, ids, slices))
        optimizer.step()
        optimizer.zero_grad()
        decay.step()
    return model, tokenizer, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    buffer = torch.zeros(1, len(prompt) + max(0, max_new_tokens), dtype=torch.long)
    buffer[0, : len(prompt)] = torch.tensor(tokenizer.encode(prompt), dtype=torch.long)
    with torch.no_grad():
        for n in range(len(prompt), buffer.shape[1]):
            buffer[0, n] = model(buffer[:, max(0, n - model.context) : n])[0, -1].argmax()
    return tokenizer.decode(buffer[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
