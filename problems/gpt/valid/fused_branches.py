# category: parallel-branches, fused-projections, swiglu
"""The manner of PaLM: one map gives queries, keys, values and the gated MLP, and one map takes it all back."""

import torch
import torch.nn.functional as F
from torch import nn


class Vocabulary:
    """Numbers characters in the order in which they are first seen."""

    def __init__(self, text):
        self.alphabet = "".join(dict.fromkeys(text))

    def encode(self, string):
        return [self.alphabet.index(c) for c in string]

    def decode(self, numbers):
        return "".join(self.alphabet[n] for n in numbers)

    def __len__(self):
        return len(self.alphabet)


class ParallelBlock(nn.Module):
    def __init__(self, dim, heads, mult=3):
        super().__init__()
        self.heads, self.dim_head = heads, dim // heads
        self.splits = (
            dim,
            self.dim_head,
            self.dim_head,
            mult * dim,
            mult * dim,
        )  # q, one k, one v, value, gate
        self.norm = nn.LayerNorm(dim, bias=False)
        self.fused_in = nn.Linear(dim, sum(self.splits), bias=False)
        self.fused_out = nn.Linear(dim + mult * dim, dim, bias=False)

    def forward(self, x):
        q, k, v, value, gate = self.fused_in(self.norm(x)).split(self.splits, dim=-1)
        q = q.unflatten(-1, (self.heads, self.dim_head)).transpose(1, 2) * self.dim_head**-0.5
        sim = torch.einsum("bhid,bjd->bhij", q, k)
        i = torch.arange(x.shape[1])
        sim = torch.where(i[:, None] < i, torch.finfo(sim.dtype).min, sim)
        attended = torch.einsum("bhij,bjd->bihd", sim.softmax(dim=-1), v).flatten(2)
        return x + self.fused_out(torch.cat([attended, F.silu(gate) * value], dim=-1))


class PaLM(nn.Module):
    def __init__(self, num_tokens, dim=64, depth=3, heads=4, seq_len=128):
        super().__init__()
        self.seq_len = seq_len
        self.token_emb = nn.Embedding(num_tokens, dim)
        self.pos_emb = nn.Embedding(seq_len, dim)
        self.layers = nn.Sequential(*(ParallelBlock(dim, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim, bias=False)
        self.to_logits = nn.Linear(dim, num_tokens, bias=False)

    def forward(self, ids):
        x = self.token_emb(ids) + self.pos_emb(torch.arange(ids.shape[-1]))
        return self.to_logits(self.norm(self.layers(x)))


def next_token_loss(model, ids):
    logits = model(ids[:-1].view(1, -1)).squeeze(0)
    return F.cross_entropy(logits, ids[1:])


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    vocabulary = Vocabulary(text)
    model = PaLM(len(vocabulary))
    ids = torch.tensor(vocabulary.encode(text))
    optimizer = torch.optim.NAdam(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = next_token_loss(model, ids)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, vocabulary, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-model.seq_len :]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


def main():
    text = "one wide map in and one wide map out"
    model, vocabulary, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, vocabulary, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
