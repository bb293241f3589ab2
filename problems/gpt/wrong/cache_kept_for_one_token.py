# caught by: generate_greedy
"""A small GPT that generates with a key/value cache."""
import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "attention is a soft lookup over the past"
CONTEXT = 256


class Tok:
    def __init__(self, text):
        self.chars = sorted(set(text))

    def encode(self, s):
        return [self.chars.index(c) for c in s]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class CachedAttention(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.h = h
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))
        self.cache = None

    def forward(self, x, cached):
        B, T, D = x.shape
        q, k, v = (f(x).view(B, T, self.h, D // self.h).transpose(1, 2) for f in (self.q, self.k, self.v))
        if cached:
            if self.cache is not None:
                k = torch.cat([self.cache[0], k], dim=2)
                v = torch.cat([self.cache[1], v], dim=2)
            self.cache = (k, v)
        S = k.shape[2]
        # query t stands at position S - T + t
        mask = torch.ones(T, S, dtype=torch.bool, device=x.device).tril(S - T)
        a = (q @ k.transpose(2, 3)) * (D // self.h) ** -0.5
        a = a.masked_fill(~mask, float("-inf")).softmax(3)
        return self.o((a @ v).transpose(1, 2).reshape(B, T, D))


class Block(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.att = CachedAttention(d, h)
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.SiLU(), nn.Linear(4 * d, d))

    def forward(self, x, cached):
        x = x + self.att(self.n1(x), cached)
        return x + self.mlp(self.n2(x))


class GPT(nn.Module):
    def __init__(self, vocab, d=64, h=4, n=2):
        super().__init__()
        self.tok = nn.Embedding(vocab, d)
        self.pos = nn.Embedding(CONTEXT, d)
        self.blocks = nn.ModuleList(Block(d, h) for _ in range(n))
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, vocab)
        self.seen = 0  # how many tokens the cache holds

    def reset(self):
        self.seen = 0
        for block in self.blocks:
            block.att.cache = None

    def forward(self, idx, cached=False):
        T = idx.shape[1]
        if cached and T > 1:  # a new prompt
            self.reset()
        start = self.seen if cached else 0
        x = self.tok(idx) + self.pos(torch.arange(start, start + T, device=idx.device))
        for block in self.blocks:
            x = block(x, cached)
        if cached:
            self.seen += T
        return self.head(self.norm(x))


def train(text, steps=120, lr=2e-3, seed=0):
    torch.manual_seed(seed)
    tok = Tok(text)
    model = GPT(len(tok.chars))
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    ids = torch.tensor(tok.encode(text)).view(1, -1)
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(ids[:, :-1])[0], ids[0, 1:])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return model, tok, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    fresh = ids
    for _ in range(max_new_tokens):
        logits = model(torch.tensor([fresh]), cached=True)
        fresh = [logits[0, -1].argmax().item()]
        ids = ids + fresh
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
