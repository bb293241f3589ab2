# category: post-norm, relu, mask-additive, adam
"""The order of 2017: normalise after each residual sum and not before it, so that no final norm is needed."""

import torch
from torch import nn
import torch.nn.functional as F


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.ids = {c: i for i, c in enumerate(self.chars)}

    def encode(self, text):
        return [self.ids[c] for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.qkv_proj = nn.Linear(dim, 3 * dim)
        self.out_proj = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.qkv_proj.weight)
        nn.init.xavier_uniform_(self.out_proj.weight)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv_proj(x).chunk(3, -1)
        q = q.reshape(B, T, self.heads, -1).transpose(1, 2) * self.scale
        k = k.reshape(B, T, self.heads, -1).permute(0, 2, 3, 1)
        v = v.reshape(B, T, self.heads, -1).transpose(1, 2)
        mask = nn.Transformer.generate_square_subsequent_mask(T)
        weights = torch.softmax(q @ k + mask.to(x.dtype), dim=-1)
        return self.out_proj((weights @ v).transpose(1, 2).reshape(B, T, C))


class PostNormBlock(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.attn = SelfAttention(dim, heads)
        self.norm_1 = nn.LayerNorm(dim)
        self.linear_1 = nn.Linear(dim, 4 * dim)
        self.linear_2 = nn.Linear(4 * dim, dim)
        self.norm_2 = nn.LayerNorm(dim)

    def forward(self, x):
        x = self.norm_1(x + self.attn(x))
        return self.norm_2(x + self.linear_2(F.relu(self.linear_1(x))))


class Model(nn.Module):
    max_length = 128

    def __init__(self, vocab_size, dim=64, heads=4, depth=2):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, dim)
        self.positions = nn.Embedding(self.max_length, dim)
        self.blocks = nn.ModuleList([PostNormBlock(dim, heads) for _ in range(depth)])
        self.to_vocab = nn.Linear(dim, vocab_size)

    def forward(self, idx):
        x = self.tokens(idx) + self.positions(torch.arange(idx.size(1)))
        for block in self.blocks:
            x = block(x)
        return self.to_vocab(x)


def train(text, steps=40, lr=2e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = Model(len(tokenizer.chars))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    ids = torch.tensor(tokenizer.encode(text))
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        predicted = model(ids.unsqueeze(0)).squeeze(0)
        loss = F.cross_entropy(predicted[:-1], ids[1:])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = torch.tensor(tokenizer.encode(prompt))
    for _ in range(max_new_tokens):
        scores = model(ids[-Model.max_length :].unsqueeze(0))[0, -1]
        ids = torch.cat([ids, scores.argmax().reshape(1)])
    return tokenizer.decode(ids.tolist())


if __name__ == "__main__":
    text = "first overfit one sentence, then trust the rest"
    model, tokenizer, losses = train(text)
    print(f"from {losses[0]:.2f} to {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, tokenizer, text[:8], len(text) - 8))
