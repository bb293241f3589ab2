# category: einsum, raw-parameters
"""Attention written as four einsums over raw weights that carry the head as a dimension of their own."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import einsum

MAX_LEN = 128


class Embedder:
    """Characters to numbers and back."""

    def __init__(self, text: str) -> None:
        self.letters = tuple(sorted(frozenset(text)))
        self.number = {letter: n for n, letter in enumerate(self.letters)}

    def encode(self, string: str) -> list:
        return list(map(self.number.get, string))

    def decode(self, numbers) -> str:
        return "".join(self.letters[n] for n in numbers)


class Attention(nn.Module):
    def __init__(self, d_model, n_heads, d_head):
        super().__init__()
        self.W_Q = nn.Parameter(torch.empty(n_heads, d_model, d_head))
        self.W_K = nn.Parameter(torch.empty(n_heads, d_model, d_head))
        self.W_V = nn.Parameter(torch.empty(n_heads, d_model, d_head))
        self.W_O = nn.Parameter(torch.empty(n_heads, d_head, d_model))
        self.b_O = nn.Parameter(torch.zeros(d_model))
        for weight in (self.W_Q, self.W_K, self.W_V, self.W_O):
            nn.init.normal_(weight, std=0.05)
        self.d_head = d_head

    def forward(self, x):
        q = einsum("bsm,nmh->bsnh", x, self.W_Q)
        k = einsum("bsm,nmh->bsnh", x, self.W_K)
        v = einsum("bsm,nmh->bsnh", x, self.W_V)
        scores = einsum("bqnh,bknh->bnqk", q, k) / self.d_head**0.5
        length = x.shape[1]
        ahead = torch.triu(torch.ones(length, length), diagonal=1) > 0
        pattern = scores.masked_fill(ahead, float("-inf")).softmax(dim=-1)
        z = einsum("bnqk,bknh->bqnh", pattern, v)
        return einsum("bqnh,nhm->bqm", z, self.W_O) + self.b_O


class MLP(nn.Module):
    def __init__(self, d_model, d_mlp):
        super().__init__()
        self.W_in = nn.Parameter(torch.randn(d_model, d_mlp) * 0.05)
        self.b_in = nn.Parameter(torch.zeros(d_mlp))
        self.W_out = nn.Parameter(torch.randn(d_mlp, d_model) * 0.05)
        self.b_out = nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        return F.gelu(x @ self.W_in + self.b_in) @ self.W_out + self.b_out


class TransformerBlock(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.ln1 = nn.LayerNorm(d_model)
        self.attn = Attention(d_model, n_heads, d_model // n_heads)
        self.ln2 = nn.LayerNorm(d_model)
        self.mlp = MLP(d_model, 4 * d_model)

    def forward(self, resid_pre):
        resid_mid = resid_pre + self.attn(self.ln1(resid_pre))
        resid_post = resid_mid + self.mlp(self.ln2(resid_mid))
        return resid_post


class DemoTransformer(nn.Module):
    def __init__(self, d_vocab, d_model=64, n_heads=4, n_layers=2):
        super().__init__()
        self.W_E = nn.Parameter(torch.randn(d_vocab, d_model) * 0.05)
        self.W_pos = nn.Parameter(torch.randn(MAX_LEN, d_model) * 0.05)
        self.blocks = nn.ModuleList([TransformerBlock(d_model, n_heads) for _ in range(n_layers)])
        self.ln_final = nn.LayerNorm(d_model)
        self.W_U = nn.Parameter(torch.randn(d_model, d_vocab) * 0.05)

    def forward(self, tokens):
        residual = self.W_E[tokens] + self.W_pos[: tokens.shape[1]]
        for block in self.blocks:
            residual = block(residual)
        return self.ln_final(residual) @ self.W_U


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    embedder = Embedder(text)
    model = DemoTransformer(len(embedder.letters))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    tokens = torch.tensor(embedder.encode(text))[None, :]
    losses = []
    for _ in range(steps):
        log_probs = F.log_softmax(model(tokens), dim=-1)
        correct = log_probs[0, torch.arange(len(text) - 1), tokens[0, 1:]]
        loss = -correct.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, embedder, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    tokens = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        logits = model(torch.tensor(tokens[-MAX_LEN:])[None])
        tokens.append(logits[0][-1].argmax().item())
    return tokenizer.decode(tokens)


if __name__ == "__main__":
    sentence = "four heads are better than one"
    model, embedder, losses = train(sentence)
    print(f"{losses[0]:.2f} {losses[-1]:.2f}")
    print(generate(model, embedder, sentence[:8], len(sentence) - 8))
