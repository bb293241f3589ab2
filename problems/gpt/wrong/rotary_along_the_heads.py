# caught by: position_sensitive
from dataclasses import dataclass

import torch
from torch import nn, Tensor
from torch.nn import functional as F

torch.set_num_threads(1)
SENTENCE = "attention is a soft lookup over the past"


@dataclass
class Config:
    vocab_size: int
    dim: int = 64
    n_heads: int = 4
    n_layers: int = 3
    max_seq_len: int = 128
    rope_theta: float = 10000.0


class Tokenizer:
    def __init__(self, text: str):
        self.itos = dict(enumerate(sorted(set(text))))
        self.stoi = {c: i for i, c in self.itos.items()}

    def encode(self, s: str) -> list[int]:
        return [self.stoi[c] for c in s]

    def decode(self, ids: list[int]) -> str:
        return "".join(self.itos[i] for i in ids)


def rope_tables(head_dim: int, length: int, theta: float) -> tuple[Tensor, Tensor]:
    inv_freq = theta ** (-torch.arange(0, head_dim, 2).float() / head_dim)
    angles = torch.outer(torch.arange(length).float(), inv_freq)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def apply_rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    n = x.shape[-2]
    a, b = x.chunk(2, dim=-1)
    return x * cos[:n] + torch.cat([-b, a], dim=-1) * sin[:n]


class Attention(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.n_heads = cfg.n_heads
        self.head_dim = cfg.dim // cfg.n_heads
        self.wq = nn.Linear(cfg.dim, cfg.dim, bias=False)
        self.wk = nn.Linear(cfg.dim, cfg.dim, bias=False)
        self.wv = nn.Linear(cfg.dim, cfg.dim, bias=False)
        self.wo = nn.Linear(cfg.dim, cfg.dim, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        B, T, C = x.shape
        q = self.wq(x).view(B, T, self.n_heads, self.head_dim)
        k = self.wk(x).view(B, T, self.n_heads, self.head_dim)
        v = self.wv(x).view(B, T, self.n_heads, self.head_dim)
        q, k = apply_rope(q, cos, sin), apply_rope(k, cos, sin)
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))

        scores = q @ k.mT * self.head_dim ** -0.5
        mask = torch.full((T, T), float("-inf"), device=x.device).triu(1)
        probs = F.softmax(scores + mask, dim=-1)
        return self.wo((probs @ v).transpose(1, 2).reshape(B, T, C))


class SwiGLU(nn.Module):
    def __init__(self, dim: int, hidden: int):
        super().__init__()
        self.w1 = nn.Linear(dim, hidden, bias=False)
        self.w2 = nn.Linear(hidden, dim, bias=False)
        self.w3 = nn.Linear(dim, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.attn_norm = nn.RMSNorm(cfg.dim)
        self.attn = Attention(cfg)
        self.ffn_norm = nn.RMSNorm(cfg.dim)
        self.ffn = SwiGLU(cfg.dim, 3 * cfg.dim)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        h = x + self.attn(self.attn_norm(x), cos, sin)
        return h + self.ffn(self.ffn_norm(h))


class Llamalet(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.cfg = cfg
        self.embed = nn.Embedding(cfg.vocab_size, cfg.dim)
        self.blocks = nn.ModuleList([Block(cfg) for _ in range(cfg.n_layers)])
        self.norm = nn.RMSNorm(cfg.dim)
        self.head = nn.Linear(cfg.dim, cfg.vocab_size, bias=False)
        cos, sin = rope_tables(cfg.dim // cfg.n_heads, cfg.max_seq_len, cfg.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, idx: Tensor) -> Tensor:
        h = self.embed(idx)
        for block in self.blocks:
            h = block(h, self.cos, self.sin)
        return self.head(self.norm(h))


def train(text: str, steps: int = 200, lr: float = 2e-3, seed: int = 0):
    torch.manual_seed(seed)
    tok = Tokenizer(text)
    model = Llamalet(Config(vocab_size=len(tok.itos)))
    opt = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.95), weight_decay=0.01)
    ids = torch.tensor(tok.encode(text)).unsqueeze(0)
    x, y = ids[:, :-1], ids[:, 1:]
    losses: list[float] = []
    for _ in range(steps):
        loss = F.cross_entropy(model(x).transpose(1, 2), y)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        losses.append(loss.item())
    return model, tok, losses


@torch.inference_mode()
def generate(model, tokenizer, prompt: str, max_new_tokens: int) -> str:
    model.eval()
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        nxt = model(idx)[:, -1].argmax(-1, keepdim=True)
        idx = torch.cat([idx, nxt], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
