# category: raw-parameters, einsum, post-norm, sin-cos, optimizer-by-hand
import math
from types import SimpleNamespace

import torch
from torch.nn import Module, Parameter, ParameterDict

SENTENCE = "attention is a soft lookup over the past"

# L layers, D model width, H heads, K width of a head, F width of the feed-forward, N context
L, D, H, K, F, N = 2, 48, 3, 16, 128, 160


def make_tokenizer(text):
    table = "".join(sorted(set(text)))
    return SimpleNamespace(
        size=len(table),
        encode=lambda s: [table.index(c) for c in s],
        decode=lambda ids: "".join(table[i] for i in ids),
    )


def sinusoids(n, d):
    t = torch.arange(n, dtype=torch.float32)[:, None]
    w = torch.exp(torch.arange(0, d, 2, dtype=torch.float32) * (-math.log(200.0) / d))
    out = torch.zeros(n, d)
    out[:, 0::2] = torch.sin(t * w)
    out[:, 1::2] = torch.cos(t * w)
    return out


def norm(x, g, b):
    mu = x.mean(-1, keepdim=True)
    var = (x - mu).pow(2).mean(-1, keepdim=True)
    return g * (x - mu) / torch.sqrt(var + 1e-5) + b


def attend(x, wq, wk, wv, wo):
    q = torch.einsum("btd,dhk->bhtk", x, wq)
    k = torch.einsum("bsd,dhk->bhsk", x, wk)
    v = torch.einsum("bsd,dhk->bhsk", x, wv)
    s = torch.einsum("bhtk,bhsk->bhts", q, k) / math.sqrt(K)
    t = torch.arange(x.shape[1], device=x.device)
    s = s + torch.where(t[:, None] >= t[None, :], 0.0, -math.inf)
    s = torch.exp(s - s.amax(-1, keepdim=True)) if s.numel() else s
    p = s / s.sum(-1, keepdim=True)
    return torch.einsum("bhts,bhsk,hkd->btd", p, v, wo)


class Net(Module):
    """Every weight has a leading axis of length L; layer l uses slice l and nothing else."""

    def __init__(self, vocab):
        super().__init__()

        def w(*shape, fan):
            return Parameter(torch.randn(*shape) / math.sqrt(fan))

        self.p = ParameterDict(dict(
            emb=w(vocab, D, fan=D),
            wq=w(L, D, H, K, fan=D), wk=w(L, D, H, K, fan=D), wv=w(L, D, H, K, fan=D),
            wo=w(L, H, K, D, fan=H * K),
            w1=w(L, D, F, fan=D), b1=Parameter(torch.zeros(L, F)),
            w2=w(L, F, D, fan=F), b2=Parameter(torch.zeros(L, D)),
            g1=Parameter(torch.ones(L, D)), c1=Parameter(torch.zeros(L, D)),
            g2=Parameter(torch.ones(L, D)), c2=Parameter(torch.zeros(L, D)),
            out=Parameter(0.02 * torch.randn(D, vocab)), bias=Parameter(torch.zeros(vocab)),
        ))
        self.register_buffer("pos", sinusoids(N, D))

    def forward(self, idx):
        p = self.p
        x = p["emb"][idx] * math.sqrt(D) + 2.0 * self.pos[: idx.shape[1]]
        for l in range(L):
            x = norm(x + attend(x, p["wq"][l], p["wk"][l], p["wv"][l], p["wo"][l]), p["g1"][l], p["c1"][l])
            h = torch.relu(torch.einsum("btd,df->btf", x, p["w1"][l]) + p["b1"][l])
            x = norm(x + torch.einsum("btf,fd->btd", h, p["w2"][l]) + p["b2"][l], p["g2"][l], p["c2"][l])
        return torch.einsum("btd,dv->btv", x, p["out"]) + p["bias"]


def nll(logits, target):
    right = torch.take_along_dim(logits, target[..., None], dim=-1)[..., 0]
    return (torch.logsumexp(logits, dim=-1) - right).sum() / max(target.numel(), 1)


def adam(params, grads, state, lr, b1=0.9, b2=0.98, eps=1e-8):
    state["t"] += 1
    t = state["t"]
    for i, (w, g) in enumerate(zip(params, grads)):
        m, v = state["m"][i], state["v"][i]
        m.mul_(b1).add_(g, alpha=1 - b1)
        v.mul_(b2).addcmul_(g, g, value=1 - b2)
        w.sub_(lr * (m / (1 - b1**t)) / ((v / (1 - b2**t)).sqrt() + eps))


def train(text, steps=80, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tok = make_tokenizer(text)
    net = Net(tok.size)
    data = torch.tensor(tok.encode(text), dtype=torch.int64).unsqueeze(0)
    x, y = data[:, :-1], data[:, 1:]
    params = list(net.parameters())
    state = dict(t=0, m=[torch.zeros_like(w) for w in params], v=[torch.zeros_like(w) for w in params])
    losses = []
    for step in range(steps):
        loss = nll(net(x), y)
        grads = torch.autograd.grad(loss, params)
        with torch.no_grad():
            adam(params, grads, state, lr * min(1.0, (step + 1) / 20))
        losses.append(loss.item())
    return net, tok, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    text = prompt
    for _ in range(max_new_tokens):
        ids = torch.tensor(tokenizer.encode(text[-N:]), dtype=torch.int64).unsqueeze(0)
        with torch.no_grad():
            text += tokenizer.decode([model(ids)[0, -1].argmax().item()])
    return text


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
