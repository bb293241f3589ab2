# category: einsum, mask-additive, positions-trunc-normal, zero-grad-after-step, adam
"""A float mask of zeros and -inf that is added to the scores; positions from a truncated normal."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F

PHRASE = "depth is cheap until the gradients vanish"


def causal_bias(size: int) -> torch.Tensor:
    """(size, size): 0 on and below the diagonal, -inf above."""
    return torch.full((size, size), float("-inf")).triu(diagonal=1)


class Vocab:
    def __init__(self, text: str):
        self.symbols = sorted(set(text))

    def encode(self, text: str) -> list[int]:
        lookup = {s: i for i, s in enumerate(self.symbols)}
        return [lookup[s] for s in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(self.symbols[i] for i in ids)


class CausalAttention(nn.Module):
    def __init__(self, dim: int, heads: int, context: int):
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(dim, dim * 3, bias=False)
        self.to_out = nn.Linear(dim, dim)
        self.register_buffer("causal_bias", causal_bias(context), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, n, d = x.shape
        qkv = self.to_qkv(x).reshape(b, n, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        sim = torch.einsum("bhid,bhjd->bhij", q, k) * (d // self.heads) ** -0.5
        sim = sim + self.causal_bias[:n, :n]
        attn = sim.softmax(dim=-1)
        out = torch.einsum("bhij,bhjd->bihd", attn, v).reshape(b, n, d)
        return self.to_out(out)


class FeedForward(nn.Sequential):
    def __init__(self, dim: int, mult: int = 4):
        super().__init__(nn.Linear(dim, dim * mult), nn.GELU(), nn.Linear(dim * mult, dim))


class Decoder(nn.Module):
    def __init__(self, num_tokens: int, dim: int = 64, depth: int = 2, heads: int = 4, context: int = 128):
        super().__init__()
        self.context = context
        self.token_emb = nn.Embedding(num_tokens, dim)
        self.pos_emb = nn.Parameter(torch.empty(context, dim))
        nn.init.trunc_normal_(self.pos_emb, std=0.02, a=-0.04, b=0.04)
        self.layers = nn.ModuleList()
        for _ in range(depth):
            attend, feed = CausalAttention(dim, heads, context), FeedForward(dim)
            self.layers.append(nn.ModuleList([nn.LayerNorm(dim), attend, nn.LayerNorm(dim), feed]))
        self.to_logits = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, num_tokens))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.token_emb(ids) + self.pos_emb[: ids.shape[1]]
        for norm_a, attend, norm_f, feed in self.layers:
            x = attend(norm_a(x)) + x
            x = feed(norm_f(x)) + x
        return self.to_logits(x)


def train(text: str, steps: int = 70, lr: float = 2e-3, seed: int = 0):
    torch.manual_seed(seed)
    vocab = Vocab(text)
    model = Decoder(len(vocab.symbols))
    optim = torch.optim.Adam(model.parameters(), lr=lr)
    ids = torch.tensor(vocab.encode(text))[None]
    losses = []
    for _ in range(steps):
        logits = model(ids)
        # cross_entropy wants the classes in dimension 1
        loss = F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:])
        loss.backward()
        optim.step()
        optim.zero_grad()
        losses.append(loss.detach().item())
    return model, vocab, losses


@torch.no_grad()
def generate(model: Decoder, tokenizer: Vocab, prompt: str, max_new_tokens: int) -> str:
    model.eval()
    ids = torch.tensor(tokenizer.encode(prompt))[None]
    for _ in range(max_new_tokens):
        probs = model(ids[:, -model.context :])[:, -1].softmax(-1)
        ids = torch.hstack([ids, probs.topk(1).indices])
    return tokenizer.decode(ids.squeeze(0).tolist())


if __name__ == "__main__":
    model, vocab, losses = train(PHRASE)
    print("losses:", [round(x, 2) for x in losses[::10]])
    print("text:  ", generate(model, vocab, PHRASE[:8], len(PHRASE) - 8))
