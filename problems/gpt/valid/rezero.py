# category: rezero, no-norms
"""ReZero: no norm in the blocks; each branch is weighed by a scalar that starts small and is learned."""

import torch
import torch.nn.functional as F
from torch import nn


class Codec:
    def __init__(self, vocab):
        self.vocab = vocab
        self.encode = lambda s: [vocab.index(c) for c in s]
        self.decode = lambda l: "".join(vocab[i] for i in l)


class CausalAttention(nn.Module):
    def __init__(self, dim, n_head):
        super().__init__()
        self.n_head = n_head
        self.kqv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x):
        B, T, C = x.shape
        k, q, v = self.kqv(x).view(B, T, 3, self.n_head, -1).permute(2, 0, 3, 1, 4)
        affinity = q @ k.transpose(-2, -1) * k.shape[-1] ** -0.5
        affinity.masked_fill_(torch.ones(T, T).triu_(1).bool(), float("-inf"))
        return self.out((F.softmax(affinity, dim=-1) @ v).permute(0, 2, 1, 3).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, dim, n_head):
        super().__init__()
        self.attention = CausalAttention(dim, n_head)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        self.alpha_attention = nn.Parameter(torch.tensor(0.1))
        self.alpha_mlp = nn.Parameter(torch.tensor(0.1))

    def forward(self, x):
        x = x + self.alpha_attention * self.attention(x)
        x = x + self.alpha_mlp * self.mlp(x)
        return x


class ReZeroGPT(nn.Module):
    def __init__(self, vocab, dim=64, n_head=4, n_layer=2, n_ctx=128):
        super().__init__()
        self.n_ctx = n_ctx
        self.wte = nn.Embedding(vocab, dim)
        self.wpe = nn.Embedding(n_ctx, dim)
        self.blocks = nn.ModuleList([Block(dim, n_head) for _ in range(n_layer)])
        self.head = nn.Linear(dim, vocab)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def next_token_loss(model, ids):
    logits = model(ids[:-1].view(1, -1)).squeeze(0)
    return F.cross_entropy(logits, ids[1:])


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    codec = Codec(sorted(set(text)))
    model = ReZeroGPT(len(codec.vocab))
    ids = torch.tensor(codec.encode(text))
    optimizer = torch.optim.NAdam(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = next_token_loss(model, ids)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, codec, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-model.n_ctx :]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


TEXT = "start near nothing and grow"

if __name__ == "__main__":
    model, codec, losses = train(TEXT)
    print("losses:", *(round(loss, 3) for loss in losses[::15]), round(losses[-1], 4))
    print("text:", generate(model, codec, TEXT[:8], len(TEXT) - 8))
