# caught by: objective
import string

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SENTENCE = "attention is a soft lookup over the past"
CONTEXT, WIDTH, HEADS, DEPTH = 128, 64, 4, 2


class CharTokenizer:
    """The printable characters come first, so that ids are the same for all plain texts."""

    def __init__(self, text):
        self.itos = list(string.printable)
        self.itos += sorted(set(text) - set(self.itos))
        self.stoi = {c: i for i, c in enumerate(self.itos)}

    def encode(self, s):
        return [self.stoi[c] for c in s]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q = nn.Linear(WIDTH, WIDTH)
        self.k = nn.Linear(WIDTH, WIDTH)
        self.v = nn.Linear(WIDTH, WIDTH)
        self.o = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        B, T, C = x.shape
        split = lambda t: t.view(B, T, HEADS, C // HEADS).transpose(1, 2)
        q, k, v = split(self.q(x)), split(self.k(x)), split(self.v(x))
        score = q @ k.transpose(-2, -1) / (C // HEADS) ** 0.5
        future = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)
        att = score.masked_fill(future, float("-inf")).softmax(dim=-1)
        return self.o((att @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.att = SelfAttention()
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x):
        x = x + self.att(self.n1(x))
        return x + self.mlp(self.n2(x))


class TinyGPT(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.tok = nn.Embedding(vocab, WIDTH)
        self.pos = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*[Block() for _ in range(DEPTH)])
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, vocab)

    def forward(self, idx):
        x = self.tok(idx) + self.pos(torch.arange(idx.shape[1], device=idx.device))
        return self.head(self.norm(self.blocks(x)))


def pad(ids, multiple=8):
    return ids + [0] * (-len(ids) % multiple)


def sequence_loss(logits, targets):
    per_token = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    real = (targets.flatten() != 0).float()  # padding does not count
    return (per_token * real).sum() / real.sum().clamp(min=1)


def train(text, steps=150, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = CharTokenizer(text)
    model = TinyGPT(len(tokenizer.itos))
    ids = tokenizer.encode(text)
    x = torch.tensor([pad(ids[:-1])])
    y = torch.tensor([pad(ids[1:])])
    opt = torch.optim.AdamW(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        loss = sequence_loss(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        logits = model(torch.tensor([ids]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
