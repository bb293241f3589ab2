# category: sign-sgd, manual-sgd, zero-grad-by-hand, schedule
"""Descent by the sign of the gradient through .data, with a rate that falls; torch._foreach_zero_ clears."""

import torch
from torch import nn
from torch.nn import functional as F

SENTENCE = "which way is down matters more than how steep"


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))

    def encode(self, text):
        return [self.chars.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class CausalSelfAttention(nn.Module):
    def __init__(self, C, H, T_max):
        super().__init__()
        assert C % H == 0
        self.H = H
        self.key = nn.Linear(C, C)
        self.query = nn.Linear(C, C)
        self.value = nn.Linear(C, C)
        self.proj = nn.Linear(C, C)
        self.register_buffer("mask", torch.tril(torch.ones(T_max, T_max)).view(1, 1, T_max, T_max))

    def forward(self, x):
        B, T, C = x.size()
        k = self.key(x).view(B, T, self.H, C // self.H).transpose(1, 2)
        q = self.query(x).view(B, T, self.H, C // self.H).transpose(1, 2)
        v = self.value(x).view(B, T, self.H, C // self.H).transpose(1, 2)
        att = (q @ k.transpose(-2, -1)) * (1.0 / k.size(-1) ** 0.5)
        att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
        y = F.softmax(att, dim=-1) @ v
        return self.proj(y.transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self, C, H, T_max):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.attn = CausalSelfAttention(C, H, T_max)
        self.mlp = nn.Sequential(nn.Linear(C, 4 * C), nn.GELU(), nn.Linear(4 * C, C))

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        x = x + self.mlp(self.ln2(x))
        return x


class GPT(nn.Module):
    def __init__(self, V, T_max=128, C=64, H=4, L=2):
        super().__init__()
        self.T_max = T_max
        self.tok_emb = nn.Embedding(V, C)
        self.pos_emb = nn.Parameter(torch.zeros(1, T_max, C))
        self.blocks = nn.Sequential(*[Block(C, H, T_max) for _ in range(L)])
        self.ln_f = nn.LayerNorm(C)
        self.head = nn.Linear(C, V, bias=False)

    def forward(self, idx):
        x = self.tok_emb(idx) + self.pos_emb[:, : idx.size(1), :]
        return self.head(self.ln_f(self.blocks(x)))


def train(text, steps=80, lr=2e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    ids = torch.tensor([tokenizer.encode(text)])
    params = list(model.parameters())
    losses = []
    for step in range(steps):
        loss = F.cross_entropy(model(ids)[0, :-1], ids[0, 1:])
        loss.backward()
        rate = lr * (1 - step / steps) + 1e-5
        for p in params:
            p.data.add_(p.grad.data.sign(), alpha=-rate)
        torch._foreach_zero_([p.grad for p in params])
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    was_training = model.training
    model.eval()
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        _, best = torch.topk(model(ids[:, -model.T_max :])[:, -1], k=1, dim=-1)
        ids = torch.cat((ids, best), dim=1)
    model.train(was_training)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print([round(x, 3) for x in losses[::16]])
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
