# category: multi-query, kv-cached-generation, squared-relu
"""Multi-query GPT with an explicit, call-local key/value cache for decoding."""
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
SENTENCE = "attention is a soft lookup over the past"


@dataclass
class Config:
    vocab: int
    block: int = 128
    dim: int = 64
    heads: int = 4
    depth: int = 2


class CharTokenizer:
    """Ids in order of first appearance."""

    def __init__(self, text):
        self.itos = list(dict.fromkeys(text))
        self.stoi = dict(zip(self.itos, range(len(self.itos))))

    def __len__(self):
        return len(self.itos)

    def encode(self, s):
        return list(map(self.stoi.__getitem__, s))

    def decode(self, ids):
        return "".join(map(self.itos.__getitem__, ids))


class MultiQueryAttention(nn.Module):
    """All heads share one key and one value (MQA)."""

    def __init__(self, c):
        super().__init__()
        self.h, self.d = c.heads, c.dim // c.heads
        self.q = nn.Linear(c.dim, c.dim, bias=False)
        self.kv = nn.Linear(c.dim, 2 * self.d, bias=False)
        self.o = nn.Linear(c.dim, c.dim, bias=False)

    def forward(self, x, past=None):
        B, T, C = x.shape
        q = self.q(x).view(B, T, self.h, self.d).permute(0, 2, 1, 3)
        k, v = self.kv(x).chunk(2, -1)
        if past is not None:
            k, v = torch.cat([past[0], k], 1), torch.cat([past[1], v], 1)
        S = k.size(1)
        scores = torch.einsum("bhtd,bsd->bhts", q, k) * self.d**-0.5
        visible = torch.arange(S)[None, :] <= torch.arange(S - T, S)[:, None]
        w = scores.where(visible, torch.tensor(float("-inf"))).softmax(-1)
        y = torch.einsum("bhts,bsd->bthd", w, v).reshape(B, T, C)
        return self.o(y), (k, v)


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(c.dim), nn.LayerNorm(c.dim)
        self.attn = MultiQueryAttention(c)
        self.up, self.down = nn.Linear(c.dim, 4 * c.dim), nn.Linear(4 * c.dim, c.dim)

    def forward(self, x, past):
        a, kv = self.attn(self.n1(x), past)
        x = x + a
        return x + self.down(F.relu(self.up(self.n2(x))).square()), kv


class GPT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.tok, self.pos = nn.Embedding(c.vocab, c.dim), nn.Embedding(c.block, c.dim)
        self.layers = nn.ModuleList([Layer(c) for _ in range(c.depth)])
        self.norm = nn.LayerNorm(c.dim)
        self.head = nn.Linear(c.dim, c.vocab, bias=False)

    def step(self, idx, pasts):
        start = 0 if pasts[0] is None else pasts[0][0].size(1)
        x = self.tok(idx) + self.pos.weight[start : start + idx.size(1)]
        new = []
        for layer, past in zip(self.layers, pasts):
            x, kv = layer(x, past)
            new.append(kv)
        return self.head(self.norm(x)), new

    def forward(self, idx):
        return self.step(idx, [None] * self.c.depth)[0]


def train(text=SENTENCE, steps=40, lr=2e-3, seed=0):
    torch.manual_seed(seed)
    tok = CharTokenizer(text)
    model = GPT(Config(vocab=len(tok)))
    opt = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.95))
    data = torch.tensor(tok.encode(text))[None]
    losses = []
    for _ in range(steps):
        logits = model(data)[:, :-1]
        loss = F.nll_loss(F.log_softmax(logits, -1).transpose(1, 2), data[:, 1:])
        for p in model.parameters():
            p.grad = None
        loss.backward()
        opt.step()
        losses.append(float(loss.detach()))
    return model.eval(), tok, losses


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    empty = [None] * model.c.depth
    pasts, todo = empty, ids[-model.c.block :]
    for _ in range(max_new_tokens):
        logits, pasts = model.step(torch.tensor([todo]), pasts)
        nxt = int(logits[0, -1].argmax())
        ids.append(nxt)
        todo = [nxt]
        if pasts[0][0].size(1) >= model.c.block:  # table is full: slide the window and start afresh
            pasts, todo = empty, ids[-model.c.block :]
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tok, losses = train()
    print("losses", [round(v, 3) for v in losses[::25]], round(losses[-1], 3))
    print(generate(model, tok, SENTENCE[:8], len(SENTENCE) - 8))
