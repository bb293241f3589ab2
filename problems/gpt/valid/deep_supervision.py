# category: deep-supervision, loss-in-forward
"""Each layer must guess the next character through the one head; the early guesses count a little."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "let every storey have its own opinion"


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))

    def encode(self, text):
        return [self.chars.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.up, self.down = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (t.view(B, T, self.heads, -1).transpose(1, 2) for t in self.qkv(self.ln_1(x)).split(C, 2))
        att = q @ k.transpose(2, 3) / (C // self.heads) ** 0.5
        att = att.masked_fill(torch.ones(T, T).triu(1) == 1, float("-inf")).softmax(-1)
        x = x + self.proj((att @ v).transpose(1, 2).reshape(B, T, C))
        return x + self.down(F.gelu(self.up(self.ln_2(x))))


class GPT(nn.Module):
    def __init__(self, vocab_size, block_size=128, dim=64, heads=4, depth=2):
        super().__init__()
        self.block_size = block_size
        self.wte, self.wpe = nn.Embedding(vocab_size, dim), nn.Embedding(block_size, dim)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.ln_f, self.head = nn.LayerNorm(dim), nn.Linear(dim, vocab_size)

    def forward(self, idx, targets=None, early=0.2):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        guesses = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if targets is not None or i == len(self.blocks) - 1:
                guesses.append(self.head(self.ln_f(x)))
        *others, logits = guesses
        if targets is None:
            return {"logits": logits}
        losses = [F.cross_entropy(guess.transpose(1, 2), targets) for guess in (*others, logits)]
        return {"logits": logits, "loss": losses[-1], "total": losses[-1] + early * sum(losses[:-1])}


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        out = model(ids[:, :-1], targets=ids[:, 1:])
        optimizer.zero_grad()
        out["total"].backward()
        optimizer.step()
        losses.append(out["loss"].item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.block_size :])["logits"]
        ids = torch.cat([ids, logits[:, -1:].argmax(-1)], dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
