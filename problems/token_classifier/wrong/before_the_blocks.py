# caught by: hears_the_text
"""Classes are read off tokens and positions, before any block."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

DIGITS = 10
LENGTH = 12


@dataclass
class GPTConfig:
    vocab_size: int = DIGITS
    block_size: int = 32
    n_layer: int = 1
    n_head: int = 4
    n_embd: int = 32


def make_task(count=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    start = torch.randint(DIGITS, (count, 1), generator=generator)
    stride = torch.randint(1, 4, (count, 1), generator=generator)
    idx = (start + stride * torch.arange(LENGTH)) % DIGITS  # (B, T)
    return idx, idx % 2


class CausalSelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.n_head = config.n_head
        self.head_dim = config.n_embd // config.n_head
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        mask = torch.tril(torch.ones(config.block_size, config.block_size))
        self.register_buffer("mask", mask)  # (block_size, block_size)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).split(C, dim=2)  # each (B, T, C)
        q = q.view(B, T, self.n_head, self.head_dim).transpose(1, 2)
        k = k.view(B, T, self.n_head, self.head_dim).transpose(1, 2)
        v = v.view(B, T, self.n_head, self.head_dim).transpose(1, 2)
        att = (q @ k.transpose(-2, -1)) / math.sqrt(self.head_dim)  # (B, H, T, T)
        att = att.masked_fill(self.mask[:T, :T] == 0, float("-inf"))
        att = F.softmax(att, dim=-1)
        y = att @ v  # (B, H, T, D)
        y = y.transpose(1, 2).contiguous().view(B, T, C)  # (B, T, C)
        return self.proj(y)


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.fc = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.proj = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, x):
        x = F.gelu(self.fc(x))  # (B, T, 4C)
        return self.proj(x)


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd)
        self.mlp = MLP(config)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        x = x + self.mlp(self.ln_2(x))
        return x  # (B, T, C)


class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embedding = nn.Parameter(torch.empty(config.block_size, config.n_embd))
        nn.init.normal_(self.position_embedding, std=0.02)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.n_layer)])
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, config.vocab_size)
        self.parity = nn.Linear(config.n_embd, 2)
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)

    def features(self, idx):
        T = idx.size(1)
        x = self.token_embedding(idx) + self.position_embedding[:T]  # (B, T, C)
        for block in self.blocks:
            x = block(x)
        return self.ln_f(x)  # (B, T, C)

    def forward(self, idx):
        return self.head(self.features(idx))  # (B, T, vocab)

    def classify(self, idx):
        x = self.token_embedding(idx) + self.position_embedding[: idx.size(1)]  # (B, T, C)
        return self.parity(x)  # (B, T, 2)


def loss_fn(logits, idx):
    logits = logits[:, :-1, :]
    targets = idx[:, 1:]
    return F.cross_entropy(logits.reshape(-1, logits.size(-1)), targets.reshape(-1))


def parity_loss(logits, labels):
    return F.cross_entropy(logits.reshape(-1, 2), labels.reshape(-1))


def train(steps=60, lr=1e-2, seed=0):
    torch.manual_seed(seed)
    idx, labels = make_task(seed=seed)
    model = GPT(GPTConfig())
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    losses = []
    model.train()
    for _ in range(steps):
        loss = loss_fn(model(idx), idx) + parity_loss(model.classify(idx), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, losses


@torch.no_grad()
def harness(model):
    model.eval()
    idx = torch.randint(DIGITS, (200, LENGTH), generator=torch.Generator().manual_seed(1))
    shape = tuple(model(idx).shape)
    say("the language model scores every digit", shape == (200, LENGTH, DIGITS), shape)
    classes = model.classify(idx)
    right = tuple(classes.shape) == (200, LENGTH, 2)
    say("classes are (B, T, 2)", right, tuple(classes.shape))
    if not right:
        return
    later = idx.clone()
    later[:, -1] = (later[:, -1] + 1) % DIGITS
    off = (model.classify(later) - classes)[:, :-1].abs().max().item()
    say("a later digit changes nothing", off < 1e-4, f"off by {off:.4f}")
    accuracy = (classes.argmax(dim=-1) == idx % 2).float().mean().item()
    say("odd and even are told apart", accuracy >= 0.8, f"accuracy {accuracy:.2f}")


def say(test, passed, found):
    print(f"{'pass' if passed else 'FAIL'}  {test}: {found}")


if __name__ == "__main__":
    model, losses = train()
    for step, loss in enumerate(losses):
        if step % 10 == 0 or step == len(losses) - 1:
            print(f"step {step:3d}  loss {loss:.4f}")
    harness(model)
