# category: padding-inside-the-model, sdpa-with-mask
"""Inside, the length is rounded up to a multiple of 16 and the padding is cut off at the end; causality makes it harmless."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class Letters:
    letters: str

    @classmethod
    def of(cls, text):
        return cls("".join(sorted(set(text))))

    def encode(self, s):
        return list(map(self.letters.index, s))

    def decode(self, ids):
        return "".join(map(self.letters.__getitem__, ids))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q, self.kv, self.o = (
            nn.Linear(width, width),
            nn.Linear(width, 2 * width),
            nn.Linear(width, width),
        )

    def forward(self, x, allowed):
        B, T, C = x.shape
        q = self.q(x).view(B, T, self.heads, -1).transpose(1, 2)
        k, v = self.kv(x).view(B, T, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, dropout_p=0.0)
        return self.o(y.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm_1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm_2, self.fc, self.proj = (
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.Linear(4 * width, width),
        )

    def forward(self, x, allowed):
        x = x + self.attention(self.norm_1(x), allowed)
        return x + self.proj(F.gelu(self.fc(self.norm_2(x))))


class AlignedLM(nn.Module):
    multiple = 16

    def __init__(self, vocab, width=64, heads=4, depth=2, context=128):
        super().__init__()
        self.context = context
        self.tokens = nn.Embedding(vocab, width)
        self.positions = nn.Parameter(torch.randn(context, width) * 0.02)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab)
        self.register_buffer(
            "allowed", torch.ones(context, context, dtype=torch.bool).tril(), persistent=False
        )

    def forward(self, idx):
        length = idx.shape[1]
        padded = F.pad(
            idx, (0, -length % self.multiple)
        )  # token 0 on the right: nobody before it looks there
        T = padded.shape[1]
        x = self.tokens(padded) + self.positions[:T]
        for block in self.blocks:
            x = block(x, self.allowed[:T, :T])
        return self.head(self.norm(x))[:, :length]


def make_batch(letters, text):
    ids = torch.tensor(letters.encode(text), dtype=torch.long)
    return ids[None, :-1], ids[1:]


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    letters = Letters.of(text)
    model = AlignedLM(len(letters.letters))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    inputs, targets = make_batch(letters, text)
    history = []
    while len(history) < steps:
        loss = F.cross_entropy(model(inputs)[0], targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        history.append(loss.item())
    return model, letters, history


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    out = tokenizer.encode(prompt)
    while max_new_tokens > 0:
        context = torch.tensor(out[-model.context :]).unsqueeze(0)
        out = out + [model(context)[0, -1].argmax().item()]
        max_new_tokens -= 1
    return tokenizer.decode(out)


if __name__ == "__main__":
    sentence = "fill it up and cut it off"
    model, letters, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, letters, sentence[:8], len(sentence) - 8))
