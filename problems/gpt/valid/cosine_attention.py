# category: cosine-attention, post-norm-branches, learned-scale
"""The manner of Swin 2: scores are cosines times a learned temperature of each head, and each branch is normed at its end."""

import torch
import torch.nn.functional as F
from torch import nn


class Alphabet:
    """Numbers characters in the order in which they are first seen."""

    def __init__(self, text):
        self.alphabet = "".join(dict.fromkeys(text))

    def encode(self, string):
        return [self.alphabet.index(c) for c in string]

    def decode(self, numbers):
        return "".join(self.alphabet[n] for n in numbers)

    def __len__(self):
        return len(self.alphabet)


class CosineAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.logit_scale = nn.Parameter(torch.full((heads, 1, 1), 10.0).log())

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        cosine = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)  # (B, H, T, T)
        scores = cosine * self.logit_scale.clamp(max=4.6).exp()
        scores = scores.masked_fill(torch.ones(T, T, dtype=torch.bool).triu(1), float("-inf"))
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.attn, self.norm1 = CosineAttention(dim, heads), nn.LayerNorm(dim)
        self.mlp, self.norm2 = (
            nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)),
            nn.LayerNorm(dim),
        )

    def forward(self, x):
        x = x + self.norm1(self.attn(x))
        return x + self.norm2(self.mlp(x))


class CosineLM(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, depth=2, block_size=128):
        super().__init__()
        self.block_size = block_size
        self.embed = nn.Embedding(vocab, dim)
        self.position = nn.Parameter(torch.zeros(block_size, dim))
        nn.init.trunc_normal_(self.position, std=0.02)
        self.blocks = nn.Sequential(*[Block(dim, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, vocab)

    def forward(self, idx):
        return self.head(self.norm(self.blocks(self.embed(idx) + self.position[: idx.shape[1]])))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    alphabet = Alphabet(text)
    model = CosineLM(len(alphabet))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    data = torch.tensor(alphabet.encode(text))
    x, y = data[:-1].unsqueeze(0), data[1:].unsqueeze(0)
    losses = []
    for _ in range(steps):
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, alphabet, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-model.block_size :]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


def main():
    text = "the angle says it all"
    model, alphabet, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, alphabet, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
