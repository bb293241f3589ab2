# category: softmax-by-hand, parallel-branches, swiglu, rms-norm, zero-init-projections, muon, two-optimizers
from __future__ import annotations

import string
from dataclasses import dataclass, field

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "attention is a soft lookup over the past"


@dataclass(frozen=True)
class Config:
    context: int = 192
    width: int = 64
    heads: int = 2
    depth: int = 2
    hidden: int = 128
    tile: int = 16


@dataclass(frozen=True)
class PrintableTokenizer:
    """A fixed table, whatever the text: string.printable in its own order, then the rest of ASCII."""

    table: str = field(
        default=string.printable + "".join(chr(i) for i in range(128) if chr(i) not in string.printable)
    )

    def __len__(self) -> int:
        return len(self.table)

    def encode(self, s: str) -> list[int]:
        return [self.table.index(ch) for ch in s]

    def decode(self, ids: list[int]) -> str:
        return "".join(map(self.table.__getitem__, ids))


def tiled_causal_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, tile: int) -> torch.Tensor:
    """Flash-attention's recurrence in plain torch. q, k, v: (B, H, T, D). Tiles wholly in the future are skipped."""
    T, D = q.shape[-2:]
    q = q * D ** -0.5
    rows = []
    for q0 in range(0, T, tile):
        q1 = min(q0 + tile, T)
        qt = q[:, :, q0:q1]
        top = num = den = None
        # The diagonal tile goes first: in it every query sees itself, so the running maximum is finite from the start.
        for k0 in range(q0, -1, -tile):
            k1 = min(k0 + tile, T)
            s = qt @ k[:, :, k0:k1].mT
            if k0 == q0:
                s = s + torch.full((q1 - q0, k1 - k0), float("-inf")).triu(1)
                top = s.amax(-1, keepdim=True).detach()
                p = (s - top).exp()
                den = p.sum(-1, keepdim=True)
                num = p @ v[:, :, k0:k1]
            else:
                new = torch.maximum(top, s.amax(-1, keepdim=True).detach())
                p, shrink = (s - new).exp(), (top - new).exp()
                den = den * shrink + p.sum(-1, keepdim=True)
                num = num * shrink + p @ v[:, :, k0:k1]
                top = new
        rows.append(num / den)
    return torch.cat(rows, dim=-2)


class RMSNorm(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.scale * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


class ParallelBlock(nn.Module):
    """x + attention(norm(x)) + mlp(norm(x)), as in GPT-J, with one matrix in and one matrix out."""

    def __init__(self, cfg: Config):
        super().__init__()
        self.cfg = cfg
        self.norm = RMSNorm(cfg.width)
        self.split = [cfg.width] * 3 + [cfg.hidden] * 2
        self.fan_in = nn.Linear(cfg.width, sum(self.split), bias=False)
        self.fan_out = nn.Linear(cfg.width + cfg.hidden, cfg.width, bias=False)
        nn.init.zeros_(self.fan_out.weight)           # each block starts as the identity

    def forward(self, x):
        B, T, _ = x.shape
        q, k, v, gate, up = self.fan_in(self.norm(x)).split(self.split, dim=-1)
        q, k, v = (z.unflatten(-1, (self.cfg.heads, -1)).transpose(1, 2) for z in (q, k, v))
        mixed = tiled_causal_attention(q, k, v, self.cfg.tile).transpose(1, 2).flatten(2)
        return x + self.fan_out(torch.cat([mixed, F.silu(gate) * up], dim=-1))


class GPT(nn.Module):
    def __init__(self, cfg: Config, vocab: int):
        super().__init__()
        self.cfg = cfg
        self.tokens = nn.Embedding(vocab, cfg.width)
        self.places = nn.Embedding(cfg.context, cfg.width)
        self.blocks = nn.ModuleList(ParallelBlock(cfg) for _ in range(cfg.depth))
        self.norm = RMSNorm(cfg.width)
        self.head = nn.Linear(cfg.width, vocab)
        nn.init.zeros_(self.head.weight)              # the first loss is exactly log(vocab)
        nn.init.zeros_(self.head.bias)

    def forward(self, idx):
        B, T = idx.shape
        if T > self.cfg.context:
            raise ValueError(f"{T} tokens do not fit a context of {self.cfg.context}")
        x = self.tokens(idx) + self.places(torch.arange(T, device=idx.device)).unsqueeze(0)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class Muon(torch.optim.Optimizer):
    """Momentum, made roughly orthogonal by five Newton-Schulz steps. For matrices only."""

    def __init__(self, params, lr, momentum=0.9):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                buf = self.state[p].setdefault("buf", torch.zeros_like(p))
                buf.mul_(group["momentum"]).add_(p.grad)
                g = p.grad + group["momentum"] * buf
                tall = g.shape[0] > g.shape[1]
                x = (g.mT if tall else g) / (g.norm() + 1e-7)
                for _ in range(5):
                    a = x @ x.mT
                    x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
                p.add_(x.mT if tall else x, alpha=-group["lr"] * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)


def train(text: str, steps: int = 40, lr: float = 0.01, seed: int = 0):
    with torch.random.fork_rng():                     # leave the caller's random state alone
        torch.manual_seed(seed)
        tokenizer = PrintableTokenizer()
        model = GPT(Config(), len(tokenizer))
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
    taken = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in taken]
    optimizers = [Muon(matrices, lr=2 * lr), torch.optim.AdamW(others, lr=lr, weight_decay=0.0)]

    stream = torch.tensor(tokenizer.encode(text)).unsqueeze(0)
    inputs, labels = stream[:, :-1], stream[:, 1:]
    losses: list[float] = []
    for _ in range(steps):
        loss = F.cross_entropy(model(inputs).mT, labels)          # class axis second: (B, V, T)
        model.zero_grad(set_to_none=True)
        loss.backward()
        for opt in optimizers:
            opt.step()
        losses.append(float(loss.detach()))
    return model, tokenizer, losses


@torch.inference_mode()
def generate(model: GPT, tokenizer: PrintableTokenizer, prompt: str, max_new_tokens: int) -> str:
    out = torch.tensor([tokenizer.encode(prompt)], dtype=torch.long)
    for _ in range(max_new_tokens):
        logits = model(out[:, -model.cfg.context:])
        out = torch.hstack([out, logits[:, -1:].topk(1).indices.squeeze(-1)])
    return tokenizer.decode(out.squeeze(0).tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
