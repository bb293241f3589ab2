# category: sdpa-is-causal, multi-query, hidden-eight-times, mish
"""Eight query heads share one key and value head inside the fused attention; the MLP is eight times as wide, with Mish."""

import torch
import torch.nn.functional as F
from torch import nn

CTX = 160


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


class MultiQueryAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.size = heads, dim // heads
        self.to_q = nn.Linear(dim, dim)
        self.to_kv = nn.Linear(dim, 2 * self.size)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, x):
        B, T, C = x.shape
        q = self.to_q(x).unflatten(-1, (self.heads, self.size)).transpose(1, 2)  # (B, H, T, D)
        k, v = self.to_kv(x).unsqueeze(1).chunk(2, dim=-1)  # (B, 1, T, D) each
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return self.to_out(out.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(dim), nn.LayerNorm(dim)])
        self.attention = MultiQueryAttention(dim, heads)
        self.expand, self.act, self.shrink = nn.Linear(dim, 8 * dim), nn.Mish(), nn.Linear(8 * dim, dim)

    def forward(self, x):
        x = x + self.attention(self.norms[0](x))
        return x + self.shrink(self.act(self.expand(self.norms[1](x))))


class GPT(nn.Module):
    def __init__(self, vocab, dim=64, heads=8, depth=2):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim)
        self.positions = nn.Parameter(torch.zeros(1, CTX, dim))
        nn.init.normal_(self.positions, mean=0.0, std=0.02)
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim)
        self.to_vocab = nn.Linear(dim, vocab)

    def forward(self, idx):
        return self.to_vocab(self.norm(self.blocks(self.embedding(idx) + self.positions[:, : idx.shape[1]])))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    alphabet = Alphabet(text)
    gpt = GPT(len(alphabet))
    adam = torch.optim.Adam(gpt.parameters(), lr=lr, betas=(0.9, 0.95))
    ids = torch.tensor([alphabet.encode(text)])  # (1, T)
    losses = []
    gpt.train()
    for step in range(steps):
        adam.zero_grad()
        scores = gpt(ids)[:, :-1]
        loss = F.cross_entropy(scores.transpose(1, 2), ids[:, 1:])
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
    return gpt, alphabet, losses


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    out = tokenizer.encode(prompt)
    while max_new_tokens > 0:
        context = torch.tensor(out[-CTX:]).unsqueeze(0)
        out = out + [model(context)[0, -1].argmax().item()]
        max_new_tokens -= 1
    return tokenizer.decode(out)


TEXT = "many questions, one memory"

if __name__ == "__main__":
    gpt, alphabet, losses = train(TEXT)
    print("losses:", *(round(loss, 3) for loss in losses[::15]), round(losses[-1], 4))
    print("text:", generate(gpt, alphabet, TEXT[:8], len(TEXT) - 8))
