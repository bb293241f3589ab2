# category: loss-module, parameter-groups, positions-zero
"""A module that holds the model computes the loss; matrices and vectors have an optimizer each."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.numbers = {c: n for n, c in enumerate(self.chars)}

    def encode(self, text):
        return [self.numbers[c] for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class Residual(nn.Module):
    """x + f(norm(x))"""

    def __init__(self, dim, f):
        super().__init__()
        self.norm, self.f = nn.LayerNorm(dim), f

    def forward(self, x):
        return x + self.f(self.norm(x))


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        B, T, C = x.shape
        H, D = self.heads, C // self.heads
        q, k, v = self.qkv(x).split(C, dim=-1)
        # one long batch of heads: (B * H, T, D)
        q, k, v = (t.view(B, T, H, D).transpose(1, 2).reshape(B * H, T, D) for t in (q, k, v))
        mask = torch.tril(torch.ones(T, T, device=x.device)) == 0
        scores = torch.bmm(q / D**0.5, k.transpose(1, 2)).masked_fill(mask, float("-inf"))
        rows = torch.bmm(F.softmax(scores, dim=-1), v)
        return self.proj(rows.view(B, H, T, D).transpose(1, 2).reshape(B, T, C))


class LanguageModel(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, depth=2, max_len=128):
        super().__init__()
        self.max_len = max_len
        self.tokens = nn.Embedding(vocab, dim)
        self.positions = nn.Parameter(torch.zeros(max_len, dim))
        parts = []
        for _ in range(depth):
            parts.append(Residual(dim, Attention(dim, heads)))
            parts.append(
                Residual(dim, nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)))
            )
        self.trunk = nn.Sequential(*parts, nn.LayerNorm(dim))
        self.head = nn.Linear(dim, vocab)

    def forward(self, idx):
        return self.head(self.trunk(self.tokens(idx) + self.positions[: idx.shape[1]]))


class NextTokenLoss(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, idx):
        context, target = idx[:, :-1], idx[:, 1:]
        logits = self.model(context)
        logp = logits - logits.logsumexp(dim=-1, keepdim=True)
        return -logp.gather(2, target.unsqueeze(2)).squeeze(2).mean()


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = LanguageModel(len(tokenizer.chars))
    objective = NextTokenLoss(model)
    optimizers = [
        torch.optim.AdamW([p for p in model.parameters() if p.ndim >= 2], lr=lr),
        torch.optim.Adam([p for p in model.parameters() if p.ndim < 2], lr=lr),
    ]
    idx = torch.tensor(tokenizer.encode(text)).unsqueeze(0)
    losses = []
    for _ in range(steps):
        loss = objective(idx)
        objective.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor(tokenizer.encode(prompt)).unsqueeze(0)
    for _ in range(max_new_tokens):
        logits = model(idx[:, -model.max_len :])
        idx = torch.cat((idx, logits[:, -1:].argmax(dim=-1)), dim=1)
    return tokenizer.decode(idx.squeeze(0).tolist())


if __name__ == "__main__":
    text = "a falling loss is not yet a working model"
    model, tokenizer, losses = train(text)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, text[:8], len(text) - 8))
