# category: zero-init-projections, rms-norm, zero-grad-through-the-model
"""Every residual branch and the head start at zero, so that the first prediction is exactly uniform."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.table = {c: i for i, c in enumerate(self.chars)}

    def encode(self, text):
        return [self.table[c] for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


def norm(x):
    """RMS normalisation without weights."""
    return F.rms_norm(x, (x.size(-1),))


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.c_q = nn.Linear(dim, dim, bias=False)
        self.c_k = nn.Linear(dim, dim, bias=False)
        self.c_v = nn.Linear(dim, dim, bias=False)
        self.c_proj = nn.Linear(dim, dim, bias=False)
        nn.init.zeros_(self.c_proj.weight)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (w(x).view(B, T, self.heads, -1).transpose(1, 2) for w in (self.c_q, self.c_k, self.c_v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).reshape(B, T, C))


class MLP(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.c_fc = nn.Linear(dim, 4 * dim, bias=False)
        self.c_proj = nn.Linear(4 * dim, dim, bias=False)
        nn.init.zeros_(self.c_proj.weight)

    def forward(self, x):
        return self.c_proj(F.relu(self.c_fc(x)).square())


class GPT(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, depth=2, window=128):
        super().__init__()
        self.window = window
        self.wte = nn.Embedding(vocab, dim)
        self.wpe = nn.Embedding(window, dim)
        self.attentions = nn.ModuleList([Attention(dim, heads) for _ in range(depth)])
        self.mlps = nn.ModuleList([MLP(dim) for _ in range(depth)])
        self.lm_head = nn.Linear(dim, vocab, bias=False)
        nn.init.zeros_(self.lm_head.weight)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        for attention, mlp in zip(self.attentions, self.mlps):
            x = x + attention(norm(x))
            x = x + mlp(norm(x))
        return self.lm_head(norm(x))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        logits = model(ids)
        loss = F.cross_entropy(logits[0, :-1], ids[0, 1:])
        loss.backward()
        optimizer.step()
        model.zero_grad(set_to_none=True)
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.window :])
        ids = torch.cat((ids, logits[:, -1].argmax(-1, keepdim=True)), dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    text = "write the shapes down and half the bugs are gone"
    model, tokenizer, losses = train(text)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, text[:8], len(text) - 8))
