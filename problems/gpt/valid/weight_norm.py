# category: weight-norm
"""The maps of the blocks are parametrised by weight norm: a direction and a length for each row."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.parametrizations import weight_norm


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


def linear(n_in, n_out):
    return weight_norm(nn.Linear(n_in, n_out))


class Attention(nn.Module):
    def __init__(self, dim, n_head):
        super().__init__()
        self.n_head = n_head
        self.qkv = linear(dim, 3 * dim)
        self.proj = linear(dim, dim)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.n_head, C // self.n_head).permute(2, 0, 3, 1, 4)
        att = q @ k.transpose(-2, -1) / (C // self.n_head) ** 0.5
        att = att.masked_fill(torch.ones(T, T).triu(1) > 0, float("-inf")).softmax(-1)
        return self.proj((att @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, dim, n_head):
        super().__init__()
        self.ln1, self.attn = nn.LayerNorm(dim), Attention(dim, n_head)
        self.ln2, self.fc1, self.fc2 = nn.LayerNorm(dim), linear(dim, 4 * dim), linear(4 * dim, dim)

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.fc2(F.gelu(self.fc1(self.ln2(x))))


class NormedGPT(nn.Module):
    def __init__(self, vocab, dim=64, n_head=4, n_layer=2, block_size=128):
        super().__init__()
        self.block_size = block_size
        self.tok = nn.Embedding(vocab, dim)
        self.pos = nn.Embedding(block_size, dim)
        self.blocks = nn.ModuleList([Block(dim, n_head) for _ in range(n_layer)])
        self.ln_f = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, vocab)

    def forward(self, idx):
        x = self.tok(idx) + self.pos(torch.arange(idx.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln_f(x))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = NormedGPT(len(tokenizer.chars))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.95))
    ids = torch.tensor([tokenizer.encode(text)])  # (1, T)
    losses = []
    model.train()
    for step in range(steps):
        optimizer.zero_grad()
        scores = model(ids)[:, :-1]
        loss = F.cross_entropy(scores.transpose(1, 2), ids[:, 1:])
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -model.block_size :])
        idx = torch.cat([idx, logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    sentence = "a length and a direction make a row"
    model, tokenizer, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
