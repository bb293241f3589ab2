# category: rope, rms-norm, swiglu, type-hints
"""A small model in the manner of Llama: rotary positions, RMSNorm, a gated MLP, no biases."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Params(NamedTuple):
    vocab_size: int
    dim: int = 64
    n_layers: int = 2
    n_heads: int = 4
    hidden: int = 172
    max_seq_len: int = 256
    rope_theta: float = 10000.0


class Tokenizer:
    def __init__(self, text: str):
        self.pieces = sorted(set(text))

    def encode(self, text: str) -> list[int]:
        return [self.pieces.index(piece) for piece in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(self.pieces[i] for i in ids)


class RMSNorm(nn.Module):
    def __init__(self, dim: int, eps: float = 1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rotation_table(length: int, size: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each (length, size / 2)."""
    frequencies = theta ** (-torch.arange(0, size, 2).float() / size)
    angles = torch.outer(torch.arange(length).float(), frequencies)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x: (B, H, T, D); each pair of neighbouring features turns by the angle of its position."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


class Attention(nn.Module):
    def __init__(self, p: Params):
        super().__init__()
        self.n_heads, self.head_dim = p.n_heads, p.dim // p.n_heads
        self.wq = nn.Linear(p.dim, p.dim, bias=False)
        self.wk = nn.Linear(p.dim, p.dim, bias=False)
        self.wv = nn.Linear(p.dim, p.dim, bias=False)
        self.wo = nn.Linear(p.dim, p.dim, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        B, T, _ = x.shape
        xq, xk, xv = (
            w(x).view(B, T, self.n_heads, self.head_dim).transpose(1, 2) for w in (self.wq, self.wk, self.wv)
        )
        xq, xk = rotate(xq, cos, sin), rotate(xk, cos, sin)
        out = F.scaled_dot_product_attention(xq, xk, xv, is_causal=T > 1)
        return self.wo(out.transpose(1, 2).reshape(B, T, -1))


class TransformerBlock(nn.Module):
    def __init__(self, p: Params):
        super().__init__()
        self.attention = Attention(p)
        self.w1 = nn.Linear(p.dim, p.hidden, bias=False)
        self.w2 = nn.Linear(p.hidden, p.dim, bias=False)
        self.w3 = nn.Linear(p.dim, p.hidden, bias=False)
        self.attention_norm, self.ffn_norm = RMSNorm(p.dim), RMSNorm(p.dim)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        h = x + self.attention(self.attention_norm(x), cos, sin)
        n = self.ffn_norm(h)
        return h + self.w2(F.silu(self.w1(n)) * self.w3(n))


class Llama(nn.Module):
    def __init__(self, p: Params):
        super().__init__()
        self.params = p
        self.tok_embeddings = nn.Embedding(p.vocab_size, p.dim)
        self.layers = nn.ModuleList([TransformerBlock(p) for _ in range(p.n_layers)])
        self.norm = RMSNorm(p.dim)
        self.output = nn.Linear(p.dim, p.vocab_size, bias=False)
        cos, sin = rotation_table(p.max_seq_len, p.dim // p.n_heads, p.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        T = tokens.shape[1]
        h = self.tok_embeddings(tokens)
        for layer in self.layers:
            h = layer(h, self.cos[:T], self.sin[:T])
        return self.output(self.norm(h))


def train(text: str, steps: int = 50, lr: float = 3e-3, seed: int = 0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = Llama(Params(vocab_size=len(tokenizer.pieces)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    tokens = torch.tensor([tokenizer.encode(text)])
    losses: list[float] = []
    for _ in range(steps):
        logits = model(tokens)
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.inference_mode()
def generate(model: Llama, tokenizer: Tokenizer, prompt: str, max_new_tokens: int) -> str:
    tokens = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(tokens[:, -model.params.max_seq_len :])
        tokens = torch.cat((tokens, logits[:, -1].argmax(-1, keepdim=True)), dim=1)
    return tokenizer.decode(tokens[0].tolist())


if __name__ == "__main__":
    text = "tokens in, logits out, one step to the right"
    llama, tokenizer, losses = train(text)
    print(f"{losses[0]:.3f} {losses[-1]:.3f}")
    print(generate(llama, tokenizer, text[:8], len(text) - 8))
