# category: custom-autograd-function, momentum, loss-by-hand
"""The loss is an autograd.Function of its own, with forward and backward written out."""

import math

import torch
from torch import nn

SENTENCE = "derive it once by hand, then trust autograd"


class NextTokenLoss(torch.autograd.Function):
    """Mean of log Z minus the score of the target; (N, V) and (N,) in, a number out."""

    @staticmethod
    def forward(ctx, scores, targets):
        shifted = scores - scores.max(dim=1, keepdim=True).values
        log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
        ctx.save_for_backward(log_p, targets)
        return -log_p[torch.arange(len(targets)), targets].mean()

    @staticmethod
    def backward(ctx, upstream):
        log_p, targets = ctx.saved_tensors
        gradient = log_p.exp()
        gradient[torch.arange(len(targets)), targets] -= 1
        return upstream * gradient / len(targets), None


class Tokenizer:
    def __init__(self, text):
        self.vocab = sorted(set(text), reverse=True)
        self.index = {c: i for i, c in enumerate(self.vocab)}

    def encode(self, text):
        return [self.index[c] for c in text]

    def decode(self, ids):
        return "".join(self.vocab[i] for i in ids)


class Block(nn.Module):
    def __init__(self, size, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.q, self.k, self.v, self.o = (nn.Linear(size, size) for _ in range(4))
        self.mlp = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))

    def attend(self, x):
        B, T, C = x.shape
        split = lambda t: t.view(B, T, self.heads, C // self.heads).transpose(1, 2)  # noqa: E731
        q, k, v = split(self.q(x)), split(self.k(x)), split(self.v(x))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(q.size(-1))
        seen = torch.ones(T, T, dtype=torch.bool).tril()
        weights = torch.where(seen, scores, -torch.inf).softmax(dim=-1)
        return self.o(torch.matmul(weights, v).transpose(1, 2).reshape(B, T, C))

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(self, vocab_size, size=64, heads=4, depth=2, longest=128):
        super().__init__()
        self.longest = longest
        self.embed = nn.Embedding(vocab_size, size)
        self.place = nn.Parameter(torch.zeros(longest, size).normal_(0, 0.05))
        self.blocks = nn.ModuleList([Block(size, heads) for _ in range(depth)])
        self.final = nn.Sequential(nn.LayerNorm(size), nn.Linear(size, vocab_size))

    def forward(self, idx):
        x = self.embed(idx) + self.place[: idx.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.final(x)


def train(text, steps=60, lr=0.1, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.vocab))
    sgd = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True)
    ids = torch.tensor(tokenizer.encode(text))
    losses = []
    for _ in range(steps):
        scores = model(ids[:-1].unsqueeze(0)).squeeze(0)
        loss = NextTokenLoss.apply(scores, ids[1:])
        sgd.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        sgd.step()
        losses.append(float(loss.detach()))
    return model, tokenizer, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor(tokenizer.encode(prompt))
    with torch.no_grad():
        while len(ids) < len(prompt) + max_new_tokens:
            ids = torch.hstack([ids, model(ids[None, -model.longest :])[0, -1].argmax()])
    return tokenizer.decode(ids.tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(*(f"{loss:.3f}" for loss in losses[::15]), f"{losses[-1]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
