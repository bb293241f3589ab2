# category: clipping, schedule, adam, positions-uniform, trainer-class
"""Adam with a linear warm-up, a cosine decay and clipped gradients, in a training class."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class Tokenizer:
    def __init__(self, text: str):
        self.id_to_char = sorted(set(text))
        self.char_to_id = {c: i for i, c in enumerate(self.id_to_char)}

    def encode(self, text: str) -> list[int]:
        return [self.char_to_id[c] for c in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(self.id_to_char[i] for i in ids)


class CausalSelfAttention(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.n_head = n_head
        self.c_attn = nn.Linear(n_embd, n_embd * 3, bias=False)
        self.c_proj = nn.Linear(n_embd, n_embd, bias=False)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (
            part.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
            for part in self.c_attn(x).split(C, dim=-1)
        )
        att = q.mul(1 / math.sqrt(k.size(-1))) @ k.transpose(-2, -1)
        mask = torch.tril(x.new_ones(T, T))
        att = att.masked_fill(mask.eq(0), -float("inf")).softmax(-1)
        return self.c_proj(att.matmul(v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.n1 = nn.LayerNorm(n_embd, bias=False)
        self.n2 = nn.LayerNorm(n_embd, bias=False)
        self.attn = CausalSelfAttention(n_embd, n_head)
        self.fc1 = nn.Linear(n_embd, 4 * n_embd, bias=False)
        self.fc2 = nn.Linear(4 * n_embd, n_embd, bias=False)

    def forward(self, x):
        x = x + self.attn(self.n1(x))
        x = x + self.fc2(F.relu(self.fc1(self.n2(x))).square())
        return x


class GPT(nn.Module):
    def __init__(self, vocab_size, block_size=128, n_layer=2, n_head=4, n_embd=64):
        super().__init__()
        self.block_size = block_size
        self.wte = nn.Embedding(vocab_size, n_embd)
        self.wpe = nn.Parameter(torch.empty(block_size, n_embd).uniform_(-0.05, 0.05))
        self.blocks = nn.ModuleList(Block(n_embd, n_head) for _ in range(n_layer))
        self.norm = nn.LayerNorm(n_embd, bias=False)
        self.head = nn.Linear(n_embd, vocab_size, bias=False)
        nn.init.normal_(self.wte.weight, std=0.02)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe.narrow(0, 0, idx.size(1))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class Trainer:
    def __init__(self, model, ids, lr, steps):
        self.model, self.ids = model, ids
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda i: self.factor(i, steps))
        self.losses = []

    @staticmethod
    def factor(step, steps, warm=5):
        if step < warm:
            return (step + 1) / warm
        progress = (step - warm) / max(1, steps - warm)
        return 0.1 + 0.45 * (1 + math.cos(math.pi * progress))

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.model(self.ids)
        targets = self.ids[:, 1:]
        loss = F.cross_entropy(logits[:, :-1].reshape(targets.numel(), -1), targets.reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), max_norm=1.0)
        self.optimizer.step()
        self.scheduler.step()
        self.losses.append(loss.item())


def train(text, steps=40, lr=5e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.id_to_char))
    trainer = Trainer(model, torch.tensor([tokenizer.encode(text)]), lr, steps)
    for _ in range(steps):
        trainer.step()
    return model, tokenizer, trainer.losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        following = model(ids[:, -model.block_size :])[:, -1].argmax(-1)
        ids = torch.cat((ids, following.unsqueeze(1)), dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    text = "set the seed, then change one thing at a time"
    model, tokenizer, losses = train(text)
    print(f"{losses[0]:.3f} {losses[40]:.3f} {losses[-1]:.3f}")
    print(generate(model, tokenizer, text[:8], len(text) - 8))
