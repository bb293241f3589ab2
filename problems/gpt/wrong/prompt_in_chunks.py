# caught by: generate_greedy
"""A GPT whose generate reads the prompt in chunks and keeps keys and values."""

import torch
import torch.nn.functional as F
from torch import nn

SENTENCE = "attention is a soft lookup over the past"
CHUNK = 16


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.ids = {c: i for i, c in enumerate(self.chars)}

    def encode(self, text):
        return [self.ids[c] for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x, past=None):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        if past is not None:
            k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
        # a single new token may look at everything that is cached
        y = F.scaled_dot_product_attention(q, k, v, is_causal=T > 1)
        return self.proj(y.transpose(1, 2).reshape(B, T, C)), (k, v)


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(dim), Attention(dim, heads)
        self.ln_2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(approximate="tanh"), nn.Linear(4 * dim, dim))

    def forward(self, x, past=None):
        y, present = self.attn(self.ln_1(x), past)
        x = x + y
        return x + self.mlp(self.ln_2(x)), present


class GPT(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, layers=2, context=256):
        super().__init__()
        self.context = context
        self.wte, self.wpe = nn.Embedding(vocab, dim), nn.Embedding(context, dim)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(dim)
        self.lm_head = nn.Linear(dim, vocab, bias=False)
        for e in (self.wte, self.wpe, self.lm_head):
            nn.init.normal_(e.weight, std=0.05)

    def step(self, idx, pasts):
        start = 0 if pasts[0] is None else pasts[0][0].size(2)
        x = self.wte(idx) + self.wpe(torch.arange(start, start + idx.size(1)))
        presents = []
        for block, past in zip(self.blocks, pasts, strict=True):
            x, present = block(x, past)
            presents.append(present)
        return self.lm_head(self.ln_f(x)), presents

    def forward(self, idx):
        return self.step(idx, [None] * len(self.blocks))[0]


def train(text, steps=60, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    ids = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def read(model, ids):
    """The whole of ids, chunk by chunk; the logits of the last one and the cache."""
    pasts = [None] * len(model.blocks)
    for piece in torch.tensor([ids]).split(CHUNK, dim=1):
        logits, pasts = model.step(piece, pasts)
    return logits, pasts


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    if max_new_tokens < 1:
        return tokenizer.decode(ids)
    logits, pasts = read(model, ids[-model.context :])
    for i in range(max_new_tokens):
        ids.append(logits[0, -1].argmax().item())
        if i + 1 == max_new_tokens:
            break
        if pasts[0][0].size(2) < model.context:
            logits, pasts = model.step(torch.tensor([ids[-1:]]), pasts)
        else:
            logits, pasts = read(model, ids[-model.context // 2 :])
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
