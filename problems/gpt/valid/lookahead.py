# category: lookahead, zero-grad-through-the-model
"""Lookahead: fast weights run ahead for five steps, then the slow ones follow halfway and both start there."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "run ahead, look around, come halfway back"


class Tokenizer:
    def __init__(self, text):
        self.itos = dict(enumerate(sorted(set(text))))
        self.stoi = {s: i for i, s in self.itos.items()}

    def encode(self, text):
        return [self.stoi[s] for s in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class Lookahead:
    def __init__(self, base, k=5, alpha=0.5):
        self.base, self.k, self.alpha, self.count = base, k, alpha, 0
        self.fast = [p for group in base.param_groups for p in group["params"]]
        self.slow = [p.detach().clone() for p in self.fast]

    @torch.no_grad()
    def step(self):
        self.base.step()
        self.count += 1
        if self.count % self.k == 0:
            for fast, slow in zip(self.fast, self.slow):
                slow += self.alpha * (fast - slow)
                fast.copy_(slow)


class Attention(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.n_head, self.head_dim = n_head, n_embd // n_head
        self.qkv = nn.Linear(n_embd, 3 * n_embd)
        self.proj = nn.Linear(n_embd, n_embd)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, self.n_head, 3 * self.head_dim).transpose(1, 2).chunk(3, dim=-1)
        att = (q @ k.transpose(-2, -1)) / math.sqrt(self.head_dim)
        att = att + torch.zeros(T, T).masked_fill(torch.ones(T, T).triu(1) == 1, -math.inf).to(att)
        return self.proj((F.softmax(att, dim=-1) @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.ln1, self.attn = nn.LayerNorm(n_embd), Attention(n_embd, n_head)
        self.ln2, self.mlp = nn.LayerNorm(n_embd), self.make_mlp(n_embd)

    @staticmethod
    def make_mlp(n):
        return nn.Sequential(nn.Linear(n, 4 * n), nn.LeakyReLU(), nn.Linear(4 * n, n))

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self, vocab_size, block_size=128, n_embd=64, n_head=4, n_layer=2):
        super().__init__()
        self.block_size = block_size
        self.wte = nn.Embedding(vocab_size, n_embd)
        self.wpe = nn.Embedding(block_size, n_embd)
        nn.init.normal_(self.wpe.weight, std=0.02)
        self.h = nn.Sequential(*(Block(n_embd, n_head) for _ in range(n_layer)))
        self.ln_f, self.lm_head = nn.LayerNorm(n_embd), nn.Linear(n_embd, vocab_size)

    def forward(self, idx):
        pos = torch.arange(0, idx.size(1), dtype=torch.long)
        return self.lm_head(self.ln_f(self.h(self.wte(idx) + self.wpe(pos))))


def train(text, steps=60, lr=5e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.itos))
    optimizer = Lookahead(torch.optim.Adam(model.parameters(), lr=lr))
    idx = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        model.zero_grad()
        loss = F.cross_entropy(model(idx).squeeze(0)[:-1], idx.squeeze(0)[1:])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        idx = torch.cat((idx, model(idx[:, -model.block_size :])[:, -1:].argmax(2)), 1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print("\n".join(f"{i:2d} {loss:.3f}" for i, loss in enumerate(losses) if i % 15 == 0))
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
