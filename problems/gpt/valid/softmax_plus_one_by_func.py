# category: attention-sink, torch-func, cosine-attention, post-norm
"""A GPT the JAX way: one pure function of a tree of weights, written for a single sequence and mapped over the batch;
the layers' weights are stacked along a leading axis; gradients come from torch.func; the optimiser is a pure function
too; and generation works on a buffer of fixed size with a cursor."""

import math

import torch
from torch import nn
from torch.func import functional_call, grad_and_value, vmap

SENTENCE = "attention is a soft lookup over the past"
L, H, D, C, F_, MAX = 2, 4, 16, 64, 128, 128
ALPHA = (2 * L) ** 0.25  # DeepNorm


def init(vocab, key):
    g = torch.Generator().manual_seed(key)

    def normal(*shape, fan=None):
        return torch.randn(*shape, generator=g) / math.sqrt(fan or shape[-2])

    return {
        "embed": torch.randn(vocab, C, generator=g) * 0.1,
        "wq": normal(L, H, C, D),
        "wk": normal(L, H, C, D),
        "wv": normal(L, H, C, D),
        "wo": normal(L, H, D, C, fan=C) * 0.5,
        "gate": normal(L, C, F_),
        "up": normal(L, C, F_),
        "down": normal(L, F_, C) * 0.5,
        "tau": torch.full((L, H, 1, 1), math.log(8.0)),  # cosine attention's log-temperature
        "reach": torch.linspace(-3.0, 1.0, H).repeat(L, 1)[..., None, None],  # KERPLE, logarithmic
        "decay": torch.zeros(L, H, 1, 1),
        "gains": torch.ones(L, 2, C),
        "bias": torch.zeros(vocab),
    }


def standardise(x):
    x = x - x.mean(-1, keepdim=True)
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)


def unit(x):
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + 1e-6)


def attend(w, x):
    """x (T, C) -> (T, C); all heads at once, every one with its own projections."""
    t = torch.arange(x.shape[0])
    angle = t[:, None] * 200.0 ** (-torch.arange(C // 2) / (C // 2))
    placed = x + torch.cat((angle.sin(), angle.cos()), -1)  # places steer the attention, and are never in the stream
    q, k, v = unit(placed @ w["wq"]), unit(placed @ w["wk"]), x @ w["wv"]  # (H, T, D)
    gap = t[:, None] - t[None, :]
    bias = w["reach"].exp() * torch.log1p(w["decay"].exp() * gap.clamp(min=0))
    score = w["tau"].exp() * (q @ k.mT) - bias
    score = torch.where(gap >= 0, score, -torch.inf)
    # one more, empty, place to look at: exp(0) in the denominator
    top = score.amax(-1, keepdim=True).clamp(min=0).detach()
    weight = (score - top).exp()
    weight = weight / (weight.sum(-1, keepdim=True) + (-top).exp())
    return (weight @ v @ w["wo"]).sum(0)


def apply(params, idx):
    """idx (T,) -> logits (T, vocab)."""
    x = standardise(params["embed"][idx])
    names = ["wq", "wk", "wv", "wo", "gate", "up", "down", "tau", "reach", "decay", "gains"]
    for i in range(L):
        w = {n: params[n][i] for n in names}
        x = standardise(ALPHA * x + attend(w, x)) * w["gains"][0]
        swish = x @ w["gate"]
        x = standardise(ALPHA * x + (swish * swish.sigmoid() * (x @ w["up"])) @ w["down"]) * w["gains"][1]
    return x @ params["embed"].T + params["bias"]  # tied


class Shell(nn.Module):
    """Holds the tree, so that it is a module to the outside."""

    def __init__(self, params):
        super().__init__()
        self.tree = nn.ParameterDict(params)

    def forward(self, idx):
        tree = dict(self.tree.items())
        return vmap(apply, in_dims=(None, 0))(tree, idx)


class Alphabet:
    def __init__(self, text):
        self.symbols = "".join(dict.fromkeys(text))  # in the order in which they turn up

    def encode(self, text):
        return [self.symbols.index(c) for c in text]

    def decode(self, ids):
        return "".join(map(self.symbols.__getitem__, ids))


def nll(params, model, idx):
    logits = functional_call(model, params, (idx[None],))[0, :-1]
    picked = logits.gather(-1, idx[1:, None]).squeeze(-1)
    return (torch.logsumexp(logits, -1) - picked).mean()


def adam_update(grads, state, lr, b1=0.9, b2=0.98):
    t = state["t"] + 1
    m = {n: b1 * state["m"][n] + (1 - b1) * g for n, g in grads.items()}
    v = {n: b2 * state["v"][n] + (1 - b2) * g * g for n, g in grads.items()}
    updates = {n: -lr * (m[n] / (1 - b1**t)) / ((v[n] / (1 - b2**t)).sqrt() + 1e-8) for n in grads}
    return updates, {"t": t, "m": m, "v": v}


def train(text, steps=80, lr=5e-3, seed=0):
    tokenizer = Alphabet(text)
    model = Shell(init(len(tokenizer.symbols), seed))
    idx = torch.tensor(tokenizer.encode(text))
    params = {n: p.detach().clone() for n, p in model.named_parameters()}
    zeros = {n: torch.zeros_like(p) for n, p in params.items()}
    state = {"t": 0, "m": zeros, "v": zeros}
    losses = []
    for _ in range(steps):
        grads, loss = grad_and_value(nll)(params, model, idx)
        norm = torch.stack([g.norm() for g in grads.values()]).norm()
        grads = {n: g / norm.clamp(min=1.0) for n, g in grads.items()}
        updates, state = adam_update(grads, state, lr)
        params = {n: params[n] + updates[n] for n in params}
        losses.append(loss.item())
    model.load_state_dict(params)
    return model, tokenizer, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    buffer = torch.zeros(1, MAX, dtype=torch.long)  # what is right of the cursor cannot be seen from it
    with torch.no_grad():
        for _ in range(max_new_tokens):
            seen = ids[-MAX:]
            buffer[0, : len(seen)] = torch.tensor(seen)
            ids.append(model(buffer)[0, len(seen) - 1].argmax().item())
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
