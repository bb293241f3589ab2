# caught by: pooled
"""The mean leaves out the last real token, which attention has heard all the same."""

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


class SelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.n_head = config.n_head
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.proj = nn.Linear(config.n_embd, config.n_embd)

    def forward(self, x, mask):
        B, T, C = x.shape
        q, k, v = (part.view(B, T, self.n_head, -1).transpose(1, 2) for part in self.qkv(x).split(C, dim=2))
        keys = mask[:, None, None, :]  # (B, 1, 1, T)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=keys)  # (B, H, T, D)
        return self.proj(y.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm_1 = nn.LayerNorm(config.n_embd)
        self.attention = SelfAttention(config)
        self.norm_2 = nn.LayerNorm(config.n_embd)
        self.mlp = nn.Sequential(
            nn.Linear(config.n_embd, 4 * config.n_embd),
            nn.GELU(),
            nn.Linear(4 * config.n_embd, config.n_embd),
        )

    def forward(self, x, mask):
        x = x + self.attention(self.norm_1(x), mask)
        return x + self.mlp(self.norm_2(x))  # (B, T, C)


class GPTClassifier(nn.Module):
    def __init__(self, config, num_classes):
        super().__init__()
        self.tokens = nn.Embedding(config.vocab_size, config.n_embd)
        self.positions = nn.Embedding(config.block_size, config.n_embd)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.norm = nn.LayerNorm(config.n_embd)
        self.classes = nn.Linear(config.n_embd, num_classes)
        for table in (self.tokens, self.positions):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, idx, mask=None):
        if mask is None:
            mask = torch.ones_like(idx, dtype=torch.bool)  # (B, T)
        x = self.tokens(idx) + self.positions(torch.arange(idx.size(1)))  # (B, T, C)
        for block in self.blocks:
            x = block(x, mask)
        return self.classes(self.mean_of(self.norm(x), mask))  # (B, num_classes)

    def mean_of(self, x, mask):
        count = mask.sum(dim=1, keepdim=True)  # (B, 1)
        weights = (torch.arange(x.size(1)) < (count - 1).clamp(min=1)).to(x.dtype)  # (B, T)
        weights = weights / weights.sum(dim=1, keepdim=True)
        return torch.einsum("bt,btc->bc", weights, x)


def loss_fn(logits, labels):
    return F.cross_entropy(logits, labels)


def train(steps=40, lr=5e-3, seed=0):
    torch.manual_seed(seed)
    idx, mask, labels = make_task(seed=seed)
    model = GPTClassifier(GPTConfig(), NUM_CLASSES)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
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
