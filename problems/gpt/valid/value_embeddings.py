# category: value-embeddings, muon, rope, soft-capped-logits
"""Speed-run style GPT: Muon + Adam in one optimiser, ReLU^2, QK-norm, value embeddings, smeared tokens,
a rotary first layer and a position-free second one with length-scaled attention, zero-initialised outputs, soft-capped
logits. The vocabulary is all of ASCII."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "attention is a soft lookup over the past"
DIM, HEADS, LAYERS, CONTEXT, VOCAB = 64, 4, 2, 192, 128


class Bytes:
    """ASCII codes are the ids."""

    def encode(self, text):
        return list(text.encode("ascii"))

    def decode(self, ids):
        return bytes(ids).decode("ascii")


def norm(x):
    return F.rms_norm(x, (x.size(-1),))


def uniform(*shape):
    return nn.Parameter((torch.rand(*shape) * 2 - 1) * math.sqrt(3.0 / shape[-1]) * 0.5)


class Layer(nn.Module):
    def __init__(self, rotary):
        super().__init__()
        self.rotary = rotary
        self.wq, self.wk, self.wv = uniform(DIM, DIM), uniform(DIM, DIM), uniform(DIM, DIM)
        self.wo = nn.Parameter(torch.zeros(DIM, DIM))
        self.up = uniform(4 * DIM, DIM)
        self.down = nn.Parameter(torch.zeros(DIM, 4 * DIM))
        self.value_embed = nn.Embedding(VOCAB, DIM)
        self.mix = nn.Parameter(torch.tensor([1.0, 0.0, 0.5, 0.5]))  # stream, x0, value, value embedding

        half = DIM // HEADS // 2
        angle = torch.outer(torch.arange(CONTEXT).float(), (1 / 500.0) ** (torch.arange(half) / half))
        self.register_buffer("phase", torch.polar(torch.ones_like(angle), angle), persistent=False)
        self.register_buffer("log_count", torch.log(torch.arange(CONTEXT) + 2.0), persistent=False)

    def heads(self, x):
        return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)  # (B, H, T, D)

    def turn(self, x):
        pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
        return torch.view_as_real(pairs * self.phase[: x.size(-2)]).flatten(-2)

    def forward(self, x, x0, idx):
        T = x.size(1)
        x = self.mix[0] * x + self.mix[1] * x0
        h = norm(x)
        q, k = norm(self.heads(h @ self.wq.T)), norm(self.heads(h @ self.wk.T))
        v = self.heads(self.mix[2] * (h @ self.wv.T) + self.mix[3] * self.value_embed(idx))
        if self.rotary:
            q, k = self.turn(q), self.turn(k)
        else:  # the entropy of a row grows with its own count of keys, so row t is sharpened by log(t + 2)
            q = q * self.log_count[:T, None]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.25)
        x = x + y.transpose(1, 2).flatten(2) @ self.wo.T
        return x + F.relu(norm(x) @ self.up.T).square() @ self.down.T


class SpeedGPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, DIM)
        self.smear = nn.Parameter(torch.tensor(0.3))
        self.layers = nn.ModuleList([Layer(rotary=i % 2 == 0) for i in range(LAYERS)])
        self.head = nn.Parameter(torch.zeros(VOCAB, DIM))

    def forward(self, idx):
        e = self.embed(idx)
        e = e + self.smear * F.pad(e, (0, 0, 1, 0))[:, :-1]  # a little of the token before
        x = x0 = norm(e)
        for layer in self.layers:
            x = layer(x, x0, idx)
        logits = norm(x) @ self.head.T
        return 20 * torch.tanh(logits / 20)


def orthogonalise(g, rounds=5):
    """Newton-Schulz iteration towards the nearest semi-orthogonal matrix."""
    x = g / (g.norm() + 1e-7)
    tall = x.size(0) > x.size(1)
    x = x.T if tall else x
    for _ in range(rounds):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if tall else x


class MuonAndAdam(torch.optim.Optimizer):
    def __init__(self, matrices, others, lr):
        groups = [{"params": matrices, "muon": True}, {"params": others, "muon": False}]
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                s = self.state[p]
                if not s:
                    s.update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                s["t"] += 1
                if group["muon"]:
                    s["m"].mul_(0.9).add_(p.grad)
                    direction = orthogonalise(p.grad + 0.9 * s["m"])  # Nesterov
                    p.add_(direction, alpha=-group["lr"] * max(1.0, p.size(0) / p.size(1)) ** 0.5)
                else:
                    s["m"].lerp_(p.grad, 0.2)
                    s["v"].lerp_(p.grad.square(), 0.05)
                    m, v = s["m"] / (1 - 0.8 ** s["t"]), s["v"] / (1 - 0.95 ** s["t"])
                    p.add_(m / (v.sqrt() + 1e-10), alpha=-group["lr"] / 2)


def train(text, steps=60, lr=0.03, seed=0):
    torch.manual_seed(seed)
    tokenizer, model = Bytes(), SpeedGPT()
    inside = [p for n, p in model.layers.named_parameters() if p.ndim == 2 and "embed" not in n]
    chosen = {id(p) for p in inside}
    opt = MuonAndAdam(inside, [p for p in model.parameters() if id(p) not in chosen], lr)
    stream = torch.tensor(tokenizer.encode(text))
    losses = []
    for step in range(steps):
        for group in opt.param_groups:  # constant, then straight down over the last 40 %
            group["lr"] = lr * min(1.0, (steps - step) / (0.4 * steps))
        loss = F.cross_entropy(model(stream[None, :-1])[0], stream[1:])
        loss.backward()
        opt.step()
        model.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
    return model, tokenizer, losses


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        ids.append(int(model(torch.tensor([ids[-CONTEXT:]]))[0, -1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
