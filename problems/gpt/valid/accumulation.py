# category: gradient-accumulation, loss-in-parts, dataclass-configuration
"""The sentence stands twice in the batch and gradients are accumulated over micro-batches of one."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from types import SimpleNamespace

CONFIG = SimpleNamespace(context=128, layers=2, heads=4, width=64, batch=2, micro=1)


class Tokenizer:
    def __init__(self, vocabulary):
        self.vocabulary = vocabulary

    @classmethod
    def from_text(cls, text):
        return cls(sorted(set(text)))

    def encode(self, text):
        return [self.vocabulary.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.vocabulary[i] for i in ids)


class Attention(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.qkv = nn.Linear(cfg.width, 3 * cfg.width)
        self.out = nn.Linear(cfg.width, cfg.width)

    def forward(self, x):
        B, T, C = x.shape
        H = self.cfg.heads
        q, k, v = self.qkv(x).view(B, T, 3, H, C // H).permute(2, 0, 3, 1, 4)
        scores = torch.baddbmm(
            torch.full((T, T), -1e30).triu(1),
            q.reshape(B * H, T, -1),
            k.reshape(B * H, T, -1).transpose(1, 2),
            alpha=(C // H) ** -0.5,
        )
        mixed = torch.bmm(scores.softmax(-1), v.reshape(B * H, T, -1)).view(B, H, T, -1)
        return self.out(mixed.permute(0, 2, 1, 3).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.ln1 = nn.LayerNorm(cfg.width)
        self.attn = Attention(cfg)
        self.ln2 = nn.LayerNorm(cfg.width)
        self.mlp = nn.Sequential(
            nn.Linear(cfg.width, 4 * cfg.width), nn.GELU("tanh"), nn.Linear(4 * cfg.width, cfg.width)
        )

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self, vocab_size, cfg=CONFIG):
        super().__init__()
        self.cfg = cfg
        self.tok = nn.Embedding(vocab_size, cfg.width)
        self.pos = nn.Parameter(0.01 * torch.randn(1, cfg.context, cfg.width))
        self.blocks = nn.Sequential(*[Block(cfg) for _ in range(cfg.layers)])
        self.ln = nn.LayerNorm(cfg.width)
        self.head = nn.Linear(cfg.width, vocab_size)

    def forward(self, idx):
        x = self.tok(idx) + self.pos[:, : idx.size(1), :]
        return self.head(self.ln(self.blocks(x)))


def lm_loss(model, idx):
    logits = model(idx)[:, :-1].contiguous()
    return F.cross_entropy(logits.view(-1, logits.shape[-1]), idx[:, 1:].contiguous().view(-1))


def train(text, steps=50, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer.from_text(text)
    model = GPT(len(tokenizer.vocabulary))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    batch = torch.tensor([tokenizer.encode(text)] * CONFIG.batch)
    micro_batches = batch.split(CONFIG.micro)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        total = 0.0
        for micro in micro_batches:
            loss = lm_loss(model, micro) / len(micro_batches)
            loss.backward()
            total += loss.item()
        optimizer.step()
        losses.append(total)
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -CONFIG.context :])
        idx = torch.cat([idx, logits[:, [-1]].argmax(-1)], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    text = "softmax turns scores into shares of one"
    model, tokenizer, losses = train(text)
    print(*(f"{loss:.3f}" for loss in losses[::7]))
    print(generate(model, tokenizer, text[:8], len(text) - 8))
