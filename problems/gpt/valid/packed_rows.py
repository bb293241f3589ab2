# category: packed-rows, windows
"""Copies of the sentence, parted by a separator, are packed into one stream that is cut into rows."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "pack the rows and waste no place"
SEP = "\0"
BLOCK, C, H, L = 128, 64, 4, 2


class Tokenizer:
    def __init__(self, text):
        self.itos = [SEP, *sorted(set(text))]
        self.stoi = {c: i for i, c in enumerate(self.itos)}

    def encode(self, text):
        return [self.stoi[c] for c in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.qkv, self.proj = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.mlp = nn.Sequential(nn.Linear(C, 4 * C), nn.GELU(), nn.Linear(4 * C, C))

    def forward(self, x):
        B, T, _ = x.shape
        q, k, v = (t.view(B, T, H, C // H).transpose(1, 2) for t in self.qkv(self.ln_1(x)).split(C, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(B, T, C))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab_size, C), nn.Embedding(BLOCK, C)
        self.blocks = nn.Sequential(*[Block() for _ in range(L)])
        self.ln_f, self.head = nn.LayerNorm(C), nn.Linear(C, vocab_size)

    def forward(self, idx):
        return self.head(self.ln_f(self.blocks(self.wte(idx) + self.wpe(torch.arange(idx.size(1))))))


def pack(tokenizer, text, rows=2):
    """Rows that start at a sentence's beginning and hold, behind a separator, the beginning of the next copy."""
    length = min(BLOCK, len(text) + 1 + len(text) // 2)
    stream = tokenizer.encode((text + SEP) * 2)
    return torch.tensor([stream[:length]] * rows)


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.itos))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    rows = pack(tokenizer, text)
    losses = []
    for _ in range(steps):
        logits = model(rows[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        idx = torch.cat([idx, model(idx[:, -BLOCK:])[:, -1].argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
