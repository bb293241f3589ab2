# category: mask-half-minimum, squared-relu, positions-kaiming
"""Hidden scores get the smallest number of half precision, so that the model could run there; a squared ReLU."""

from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

HALF_MIN = torch.finfo(torch.float16).min  # -65504


@dataclass(frozen=True)
class Chars:
    letters: str

    @classmethod
    def of(cls, text):
        return cls("".join(sorted(set(text))))

    def encode(self, s):
        return list(map(self.letters.index, s))

    def decode(self, ids):
        return "".join(map(self.letters.__getitem__, ids))


@dataclass
class Config:
    vocab: int
    ctx: int = 128
    dim: int = 64
    n_heads: int = 4
    n_layers: int = 2


class SelfAttention(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.n_heads = cfg.n_heads
        self.wqkv = nn.Linear(cfg.dim, 3 * cfg.dim, bias=False)
        self.wo = nn.Linear(cfg.dim, cfg.dim, bias=False)
        hidden = torch.arange(cfg.ctx)[None, :] > torch.arange(cfg.ctx)[:, None]
        self.register_buffer("hidden", hidden, persistent=False)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (p.reshape(B, T, self.n_heads, -1).transpose(1, 2) for p in self.wqkv(x).chunk(3, dim=-1))
        att = (q * q.size(-1) ** -0.5) @ k.transpose(-2, -1)
        att = att.masked_fill(self.hidden[:T, :T], HALF_MIN).softmax(-1)
        return self.wo((att @ v).transpose(1, 2).reshape(B, T, C))


class SquaredReluMLP(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.up = nn.Linear(cfg.dim, 4 * cfg.dim, bias=False)
        self.down = nn.Linear(4 * cfg.dim, cfg.dim, bias=False)

    def forward(self, x):
        return self.down(self.up(x).relu().square())


class Block(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.ln1, self.attn = nn.LayerNorm(cfg.dim), SelfAttention(cfg)
        self.ln2, self.mlp = nn.LayerNorm(cfg.dim), SquaredReluMLP(cfg)

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        x = x + self.mlp(self.ln2(x))
        return x


class Primer(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.tok = nn.Embedding(cfg.vocab, cfg.dim)
        self.pos = nn.Parameter(torch.empty(cfg.ctx, cfg.dim))
        nn.init.kaiming_uniform_(self.pos, a=5**0.5)
        self.blocks = nn.ModuleList([Block(cfg) for _ in range(cfg.n_layers)])
        self.ln_f = nn.LayerNorm(cfg.dim)
        self.head = nn.Linear(cfg.dim, cfg.vocab, bias=False)

    def forward(self, idx):
        x = self.tok(idx) + self.pos[: idx.size(1)]
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln_f(x))


def train(text, steps=50, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    chars = Chars.of(text)
    model = Primer(Config(vocab=len(chars.letters)))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.95))
    ids = torch.tensor([chars.encode(text)])  # (1, T)
    losses = []
    model.train()
    for step in range(steps):
        optimizer.zero_grad()
        scores = model(ids)[:, :-1]
        loss = F.cross_entropy(scores.transpose(1, 2), ids[:, 1:])
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return model, chars, losses


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    out = tokenizer.encode(prompt)
    while max_new_tokens > 0:
        context = torch.tensor(out[-model.cfg.ctx :]).unsqueeze(0)
        out = out + [model(context)[0, -1].argmax().item()]
        max_new_tokens -= 1
    return tokenizer.decode(out)


if __name__ == "__main__":
    sentence = "small enough is as good as minus infinity"
    model, chars, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, chars, sentence[:8], len(sentence) - 8))
