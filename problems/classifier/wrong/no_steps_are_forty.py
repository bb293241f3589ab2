# caught by: no_steps
"""Asked for no steps it takes forty, since 0 counts as nothing said."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

NUM_CLASSES = 3  # the tokens 0, 1 and 2, and a class for each
PAD = 3
LONGEST = 16


@dataclass
class GPTConfig:
    vocab_size: int = 4
    block_size: int = 32
    n_layer: int = 1
    n_head: int = 4
    n_embd: int = 32


def make_task(count=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    idx = torch.full((count, LONGEST), PAD)  # (B, T)
    labels = torch.arange(count) % NUM_CLASSES  # (B,)
    row = 0
    while row < count:
        length = int(torch.randint(4, LONGEST + 1, (1,), generator=generator))
        share = torch.ones(NUM_CLASSES)
        share[labels[row]] = 4.0
        tokens = share.multinomial(length, replacement=True, generator=generator)  # (T,)
        tally = tokens.bincount(minlength=NUM_CLASSES)
        lead = 2 * tally[labels[row]] - tally.sort().values[-2:].sum()
        if lead >= 2:
            idx[row, :length] = tokens
            row += 1
    return idx, idx != PAD, labels


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


class GPTClassifier(nn.Module):
    def __init__(self, config, num_classes):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embedding = nn.Parameter(torch.empty(config.block_size, config.n_embd))
        nn.init.normal_(self.position_embedding, std=0.02)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.n_layer)])
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, num_classes)
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)

    def forward(self, idx, mask=None):
        T = idx.size(1)
        x = self.token_embedding(idx) + self.position_embedding[:T]  # (B, T, C)
        for block in self.blocks:
            x = block(x)
        x = self.ln_f(x)  # (B, T, C)
        pooled = self.pool(x, mask)  # (B, C)
        return self.head(pooled)  # (B, num_classes)

    def pool(self, x, mask):
        if mask is None:
            return x.mean(dim=1)  # (B, C)
        real = mask.unsqueeze(-1).to(x.dtype)  # (B, T, 1)
        return (x * real).sum(dim=1) / real.sum(dim=1)


def loss_fn(logits, labels):
    return F.cross_entropy(logits, labels)


def train(steps=40, lr=5e-3, seed=0):
    torch.manual_seed(seed)
    idx, mask, labels = make_task(seed=seed)
    model = GPTClassifier(GPTConfig(), NUM_CLASSES)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    steps = steps or 40
    losses = []
    model.train()
    for _ in range(steps):
        logits = model(idx, mask)
        loss = loss_fn(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, losses


@torch.no_grad()
def harness(model):
    model.eval()
    idx, mask, labels = make_task(count=200, seed=1)
    logits = model(idx, mask)
    right = tuple(logits.shape) == (200, NUM_CLASSES)
    say("logits are (B, num_classes)", right, tuple(logits.shape))
    one = model(idx[:1], mask[:1])
    say("a batch of one keeps its dimension", tuple(one.shape) == (1, NUM_CLASSES), tuple(one.shape))
    if not right:
        return
    longer = F.pad(idx, (0, 4), value=PAD)
    off = (model(longer, F.pad(mask, (0, 4))) - logits).abs().max().item()
    say("more padding changes nothing", off < 1e-4, f"off by {off:.4f}")
    accuracy = (logits.argmax(dim=-1) == labels).float().mean().item()
    say("unseen texts are told apart", accuracy >= 0.8, f"accuracy {accuracy:.2f}")


def say(test, passed, found):
    print(f"{'pass' if passed else 'FAIL'}  {test}: {found}")


if __name__ == "__main__":
    model, losses = train()
    for step, loss in enumerate(losses):
        if step % 10 == 0 or step == len(losses) - 1:
            print(f"step {step:3d}  loss {loss:.4f}")
    harness(model)
