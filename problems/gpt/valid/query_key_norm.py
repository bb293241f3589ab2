# category: query-key-norm, rms-norm, sdpa-is-causal, geglu
"""Queries and keys are normed head by head before they meet; a gated GELU; the configuration is an argparse.Namespace."""

import argparse

import torch
import torch.nn.functional as F
from torch import nn


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


def default_args(vocab_size):
    parser = argparse.ArgumentParser()
    parser.add_argument("--n_embd", type=int, default=64)
    parser.add_argument("--n_head", type=int, default=4)
    parser.add_argument("--n_layer", type=int, default=2)
    parser.add_argument("--block_size", type=int, default=128)
    args = parser.parse_args([])
    args.vocab_size = vocab_size
    return args


class NormedAttention(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.n_head, self.head_size = args.n_head, args.n_embd // args.n_head
        self.c_attn = nn.Linear(args.n_embd, 3 * args.n_embd, bias=False)
        self.q_norm = nn.RMSNorm(self.head_size)
        self.k_norm = nn.RMSNorm(self.head_size)
        self.c_proj = nn.Linear(args.n_embd, args.n_embd, bias=False)

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = (
            t.view(B, T, self.n_head, self.head_size).transpose(1, 2) for t in self.c_attn(x).split(C, 2)
        )
        y = F.scaled_dot_product_attention(self.q_norm(q), self.k_norm(k), v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).reshape(B, T, C))


class GatedMLP(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.c_fc = nn.Linear(args.n_embd, 2 * 3 * args.n_embd)  # values and gates in one map
        self.c_proj = nn.Linear(3 * args.n_embd, args.n_embd)

    def forward(self, x):
        value, gate = self.c_fc(x).chunk(2, dim=-1)
        return self.c_proj(value * F.gelu(gate))


class Block(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(args.n_embd), NormedAttention(args)
        self.ln_2, self.mlp = nn.LayerNorm(args.n_embd), GatedMLP(args)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        x = x + self.mlp(self.ln_2(x))
        return x


class GatedGPT(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.args = args
        self.wte = nn.Embedding(args.vocab_size, args.n_embd)
        self.wpe = nn.Embedding(args.block_size, args.n_embd)
        self.h = nn.ModuleList([Block(args) for _ in range(args.n_layer)])
        self.ln_f = nn.LayerNorm(args.n_embd)
        self.lm_head = nn.Linear(args.n_embd, args.vocab_size, bias=False)
        for table in (self.wte, self.wpe):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe.weight[: idx.size(1)]
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GatedGPT(default_args(len(tokenizer.chars)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    data = torch.tensor(tokenizer.encode(text))
    x, y = data[:-1].unsqueeze(0), data[1:].unsqueeze(0)
    losses = []
    for _ in range(steps):
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-model.args.block_size :]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


def main():
    text = "norm the question and norm the key"
    model, tokenizer, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, tokenizer, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
