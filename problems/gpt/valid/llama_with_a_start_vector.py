# category: grouped-query, rope, kv-cached-generation, start-token, rms-norm, swiglu
from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SENTENCE = "attention is a soft lookup over the past"

DIM = 64
LAYERS = 2
Q_HEADS = 4
KV_HEADS = 2
HEAD_DIM = DIM // Q_HEADS
HIDDEN = 128
CONTEXT = 256
THETA = 1_000.0


class Vocab:
    """Characters in order of first appearance."""

    def __init__(self, text: str):
        self.symbols: list[str] = list(dict.fromkeys(text))
        self._ids = {s: i for i, s in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: str) -> list[int]:
        return [self._ids[c] for c in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(map(self.symbols.__getitem__, ids))


def rotary_table(length: int) -> tuple[Tensor, Tensor]:
    inv_freq = THETA ** (-torch.arange(0, HEAD_DIM, 2).float() / HEAD_DIM)
    angles = torch.outer(torch.arange(length).float(), inv_freq)  # (length, HEAD_DIM / 2)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x: (B, H, T, HEAD_DIM); the two halves of a head are the two coordinates of each plane."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


class RMSNorm(nn.Module):
    def __init__(self, dim: int, eps: float = 1e-6):
        super().__init__()
        self.eps = eps
        self.gain = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.gain


class LayerCache:
    """Rotated keys and values of everything one layer has seen."""

    def __init__(self) -> None:
        self.k: Tensor | None = None
        self.v: Tensor | None = None

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        self.k = k if self.k is None else torch.cat((self.k, k), dim=2)
        self.v = v if self.v is None else torch.cat((self.v, v), dim=2)
        return self.k, self.v


class GroupedAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wq = nn.Linear(DIM, Q_HEADS * HEAD_DIM, bias=False)
        self.wk = nn.Linear(DIM, KV_HEADS * HEAD_DIM, bias=False)
        self.wv = nn.Linear(DIM, KV_HEADS * HEAD_DIM, bias=False)
        self.wo = nn.Linear(Q_HEADS * HEAD_DIM, DIM, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: LayerCache | None) -> Tensor:
        B, T, _ = x.shape
        q = rotate(self.wq(x).view(B, T, Q_HEADS, HEAD_DIM).transpose(1, 2), cos, sin)
        k = rotate(self.wk(x).view(B, T, KV_HEADS, HEAD_DIM).transpose(1, 2), cos, sin)
        v = self.wv(x).view(B, T, KV_HEADS, HEAD_DIM).transpose(1, 2)
        if cache is not None:
            k, v = cache.append(k, v)
        S = k.size(2)
        k = k.repeat_interleave(Q_HEADS // KV_HEADS, dim=1)
        v = v.repeat_interleave(Q_HEADS // KV_HEADS, dim=1)

        # the T queries are the last T of the S positions
        allowed = torch.ones(T, S, dtype=torch.bool, device=x.device).tril(diagonal=S - T)
        scores = q @ k.transpose(-2, -1) * HEAD_DIM**-0.5
        scores = scores.masked_fill(~allowed, float("-inf"))
        out = scores.softmax(dim=-1) @ v
        return self.wo(out.transpose(1, 2).reshape(B, T, -1))


class SwiGLU(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(DIM, HIDDEN, bias=False)
        self.up = nn.Linear(DIM, HIDDEN, bias=False)
        self.down = nn.Linear(HIDDEN, DIM, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn_norm = RMSNorm(DIM)
        self.attn = GroupedAttention()
        self.ffn_norm = RMSNorm(DIM)
        self.ffn = SwiGLU()

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: LayerCache | None) -> Tensor:
        x = x + self.attn(self.attn_norm(x), cos, sin, cache)
        return x + self.ffn(self.ffn_norm(x))


class TinyLlama(nn.Module):
    """Rotary angles are relative, so a run of equal characters would look the same at every position;
    a learnt vector for each place is added to the embeddings as well."""

    def __init__(self, vocab_size: int):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, DIM)
        self.place = nn.Embedding(CONTEXT, DIM)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = RMSNorm(DIM)
        self.unembed = nn.Linear(DIM, vocab_size, bias=False)
        cos, sin = rotary_table(CONTEXT)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for layer in self.layers:
            nn.init.normal_(layer.attn.wo.weight, std=0.02)
            nn.init.zeros_(layer.ffn.down.weight)
        nn.init.normal_(self.unembed.weight, std=0.02)

    def forward(self, idx: Tensor, cache: list[LayerCache] | None = None) -> Tensor:
        T = idx.size(1)
        past = 0 if cache is None or cache[0].k is None else cache[0].k.size(2)
        if past + T > CONTEXT:
            raise ValueError(f"more than {CONTEXT} tokens")
        x = self.embed(idx) + self.place.weight[past:past + T]
        cos, sin = self.cos[past:past + T], self.sin[past:past + T]
        for i, layer in enumerate(self.layers):
            x = layer(x, cos, sin, None if cache is None else cache[i])
        return self.unembed(self.norm(x))


def train(text: str, steps: int = 40, lr: float = 5e-3, seed: int = 0):
    torch.manual_seed(seed)
    vocab = Vocab(text)
    model = TinyLlama(len(vocab))
    ids = torch.tensor([vocab.encode(text)], dtype=torch.long)
    inputs, targets = ids[:, :-1], ids[:, 1:]
    opt = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.99))
    # flat, then a linear cool-down over the last 40 %
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda i: min(1.0, (steps - i) / max(1.0, 0.4 * steps)))

    losses: list[float] = []
    for _ in range(steps):
        logprobs = model(inputs).log_softmax(dim=-1)
        nll = -logprobs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        loss = nll.sum() / max(1, nll.numel())
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        losses.append(float(loss.detach()))
    return model, vocab, losses


@torch.inference_mode()
def generate(model: TinyLlama, tokenizer: Vocab, prompt: str, max_new_tokens: int) -> str:
    ids = tokenizer.encode(prompt)
    cache = [LayerCache() for _ in range(LAYERS)]
    fresh = ids[-CONTEXT:]  # tokens the cache does not hold yet
    for _ in range(max_new_tokens):
        logits = model(torch.tensor([fresh], dtype=torch.long), cache)
        nxt = int(logits[0, -1].argmax())
        ids.append(nxt)
        fresh = [nxt]
        if cache[0].k.size(2) == CONTEXT:  # full: start again from the latest window
            cache = [LayerCache() for _ in range(LAYERS)]
            fresh = ids[-CONTEXT:]
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
