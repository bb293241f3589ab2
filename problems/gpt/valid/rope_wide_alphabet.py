# category: rope, rms-norm, swiglu, weight-tying, fixed-alphabet, schedule, clipping
"""LLaMA-flavoured: rotary positions, RMSNorm, SwiGLU, no biases, tied head, warm-up and clipping."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SENTENCE = "attention is a soft lookup over the past"
D, H, L = 64, 4, 2


class Tok:
    """Every printable character plus whatever the text adds: a fixed alphabet."""

    def __init__(self, text):
        base = [chr(i) for i in range(32, 127)]
        self.alphabet = base + sorted(set(text) - set(base))
        self.index = {c: i for i, c in enumerate(self.alphabet)}
        self.n = len(self.alphabet)

    def encode(self, s):
        return [self.index[c] for c in s]

    def decode(self, ids):
        return "".join([self.alphabet[int(i)] for i in ids])


def rotate(x):
    """Rotary embedding of (B, H, T, d)."""
    T, d = x.shape[-2:]
    freq = 100.0 ** (-torch.arange(0, d, 2, dtype=x.dtype) / d)
    angle = torch.arange(T, dtype=x.dtype)[:, None] * freq
    z = torch.view_as_complex(x.float().reshape(*x.shape[:-1], d // 2, 2).contiguous())
    z = z * torch.polar(torch.ones_like(angle), angle)
    return torch.view_as_real(z).reshape(x.shape)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.na, self.nm = nn.RMSNorm(D), nn.RMSNorm(D)
        self.wq, self.wk, self.wv, self.wo = (nn.Linear(D, D, bias=False) for _ in range(4))
        self.gate, self.up = nn.Linear(D, 3 * D, bias=False), nn.Linear(D, 3 * D, bias=False)
        self.down = nn.Linear(3 * D, D, bias=False)

    def attend(self, x):
        B, T, _ = x.shape
        heads = lambda z: z.unflatten(-1, (H, D // H)).transpose(1, 2)
        q, k, v = rotate(heads(self.wq(x))), rotate(heads(self.wk(x))), heads(self.wv(x))
        s = q @ k.mT / (D // H) ** 0.5
        s = s + torch.full((T, T), float("-inf")).triu(1)
        e = (s - s.amax(-1, keepdim=True)).exp()
        p = e / e.sum(-1, keepdim=True)
        return self.wo((p @ v).transpose(1, 2).flatten(2))

    def forward(self, x):
        x = x + self.attend(self.na(x))
        h = self.nm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Model(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.emb = nn.Embedding(n, D)
        nn.init.normal_(self.emb.weight, std=0.2)
        self.body = nn.Sequential(*[Layer() for _ in range(L)])
        self.norm = nn.RMSNorm(D)

    def forward(self, idx):
        return F.linear(self.norm(self.body(self.emb(idx))), self.emb.weight)


def train(text=SENTENCE, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tok = Tok(text)
    model = Model(tok.n)
    decay = [p for p in model.parameters() if p.dim() >= 2]
    plain = [p for p in model.parameters() if p.dim() < 2]
    opt = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
        lr=lr, betas=(0.9, 0.98),
    )
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1.0, (s + 1) / 5))
    ids = torch.tensor(tok.encode(text))
    x, y = ids[:-1].unsqueeze(0), ids[1:]
    losses = []
    for _ in range(steps):
        opt.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x)[0], y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        losses.append(loss.item())
    return model, tok, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    out = tokenizer.encode(prompt)
    with torch.no_grad():
        while max_new_tokens > 0:
            out += [model(torch.tensor([out]))[0, -1].topk(1).indices.item()]
            max_new_tokens -= 1
    return tokenizer.decode(out)


if __name__ == "__main__":
    model, tok, losses = train(SENTENCE)
    for i in range(0, len(losses), 20):
        print(i, f"{losses[i]:.4f}")
    print("last", f"{losses[-1]:.4f}")
    print(generate(model, tok, SENTENCE[:8], len(SENTENCE) - 8))
