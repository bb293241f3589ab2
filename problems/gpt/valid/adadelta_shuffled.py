# category: adadelta, batched-copies, seeded-generator
"""Adadelta over a batch of equal rows in an order that a torch.Generator shuffles; initial weights from it too."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "no rate to tune is still one rate to trust"
CONTEXT, DIM, HEADS = 128, 64, 4


class Tokenizer:
    def __init__(self, chars):
        self.chars = chars

    def encode(self, text):
        return [self.chars.find(c) for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm_a, self.norm_m = nn.LayerNorm(DIM), nn.LayerNorm(DIM)
        self.qkv, self.proj = nn.Linear(DIM, 3 * DIM), nn.Linear(DIM, DIM)
        self.mlp = nn.Sequential(nn.Linear(DIM, 4 * DIM), nn.GELU(), nn.Linear(4 * DIM, DIM))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(self.norm_a(x)).tensor_split(3, dim=-1)
        q, k, v = (t.reshape(B, T, HEADS, C // HEADS).swapaxes(1, 2) for t in (q, k, v))
        scores = torch.matmul(q, k.swapaxes(2, 3)) / (C // HEADS) ** 0.5
        scores = scores.masked_fill(torch.ones(T, T).triu(1).bool(), float("-inf"))
        y = torch.matmul(F.softmax(scores, -1), v).swapaxes(1, 2).reshape(B, T, C)
        x = x + self.proj(y)
        return x + self.mlp(self.norm_m(x))


class GPT(nn.Module):
    def __init__(self, vocab_size, generator):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab_size, DIM), nn.Embedding(CONTEXT, DIM)
        self.blocks = nn.Sequential(Block(), Block())
        self.norm, self.head = nn.LayerNorm(DIM), nn.Linear(DIM, vocab_size)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.1, generator=generator)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def forward(self, idx):
        return self.head(self.norm(self.blocks(self.wte(idx) + self.wpe(torch.arange(idx.size(1))))))


def train(text, steps=40, lr=2.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    tokenizer = Tokenizer("".join(sorted(set(text))))
    model = GPT(len(tokenizer.chars), generator)
    optimizer = torch.optim.Adadelta(model.parameters(), lr=lr, rho=0.9)
    rows = torch.tensor([tokenizer.encode(text)]).repeat(4, 1)  # (4, T)
    losses = []
    for _ in range(steps):
        batch = rows[torch.randperm(len(rows), generator=generator)[:2]]
        logits = model(batch)
        loss = F.cross_entropy(logits[:, :-1].mT, batch[:, 1:], reduction="none").mean()
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        p = F.softmax(model(idx[:, -CONTEXT:])[:, -1] / 1e-3, dim=-1)
        idx = torch.cat([idx, p.argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx.squeeze(0).tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.3f}, {losses[len(losses) // 2]:.3f}, {losses[-1]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
