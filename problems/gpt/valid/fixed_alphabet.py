# category: fixed-alphabet, weight-tying, tanh-gelu
"""The vocabulary is every printable character; projections store their weights as GPT-2 did, (in, out)."""

import string

import torch
import torch.nn.functional as F
from torch import nn


class PrintableTokenizer:
    alphabet = string.printable

    def encode(self, text):
        return [self.alphabet.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.alphabet[i] for i in ids)


class Conv1D(nn.Module):
    """A linear layer whose weight is (in, out)."""

    def __init__(self, nx, nf):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(nx, nf) * 0.02)
        self.bias = nn.Parameter(torch.zeros(nf))

    def forward(self, x):
        return torch.addmm(self.bias, x.reshape(-1, x.size(-1)), self.weight).view(*x.shape[:-1], -1)


class Attention(nn.Module):
    def __init__(self, nx, n_head, n_ctx):
        super().__init__()
        self.n_head = n_head
        self.c_attn = Conv1D(nx, 3 * nx)
        self.c_proj = Conv1D(nx, nx)
        self.register_buffer("bias", torch.tril(torch.ones(n_ctx, n_ctx)))

    def split_heads(self, x):
        return x.view(*x.shape[:-1], self.n_head, -1).permute(0, 2, 1, 3)

    def forward(self, x):
        query, key, value = map(self.split_heads, self.c_attn(x).split(x.size(-1), dim=2))
        w = query @ key.transpose(-1, -2) / value.size(-1) ** 0.5
        b = self.bias[: w.size(-2), : w.size(-1)]
        w = w * b - 1e10 * (1 - b)
        a = torch.softmax(w, dim=-1) @ value
        return self.c_proj(a.permute(0, 2, 1, 3).flatten(-2))


class Block(nn.Module):
    def __init__(self, nx, n_head, n_ctx):
        super().__init__()
        self.ln_1 = nn.LayerNorm(nx)
        self.attn = Attention(nx, n_head, n_ctx)
        self.ln_2 = nn.LayerNorm(nx)
        self.c_fc = Conv1D(nx, 4 * nx)
        self.c_proj = Conv1D(4 * nx, nx)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.c_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT2(nn.Module):
    def __init__(self, n_vocab, nx=64, n_head=4, n_layer=2, n_ctx=128):
        super().__init__()
        self.n_ctx = n_ctx
        self.wte = nn.Parameter(torch.randn(n_vocab, nx) * 0.02)
        self.wpe = nn.Parameter(torch.randn(n_ctx, nx) * 0.01)
        self.h = nn.ModuleList([Block(nx, n_head, n_ctx) for _ in range(n_layer)])
        self.ln_f = nn.LayerNorm(nx)

    def forward(self, idx):
        x = F.embedding(idx, self.wte) + self.wpe[: idx.size(1)]
        for block in self.h:
            x = block(x)
        return self.ln_f(x) @ self.wte.T  # tied


def train(text, steps=100, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = PrintableTokenizer()
    model = GPT2(len(tokenizer.alphabet))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    idx = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        logits = model(idx)
        loss = F.cross_entropy(logits[:, :-1].reshape(-1, logits.size(-1)), idx[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -model.n_ctx :])[:, -1]
        idx = torch.cat((idx, logits.argmax(dim=-1, keepdim=True)), dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    text = "tokens in, logits out, one step to the right"
    model, tokenizer, losses = train(text)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, text[:8], len(text) - 8))
