# category: gradient-checkpointing, embedding-norm
"""Blocks are computed a second time on the way back to save memory; the embeddings are normed before the first."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class Attention(nn.Module):
    def __init__(self, width, n_head):
        super().__init__()
        self.n_head = n_head
        self.to_qkv = nn.Linear(width, width * 3)
        self.to_out = nn.Linear(width, width)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.to_qkv(x).view(b, t, 3, self.n_head, -1).permute(2, 0, 3, 1, 4).unbind(0)
        dots = torch.einsum("bhid,bhjd->bhij", q, k) / (c // self.n_head) ** 0.5
        dots = dots.masked_fill(torch.ones(t, t, dtype=torch.bool).triu(1), -torch.finfo(dots.dtype).max)
        return self.to_out(
            torch.einsum("bhij,bhjd->bhid", dots.softmax(-1), v).transpose(1, 2).reshape(b, t, c)
        )


class Block(nn.Module):
    def __init__(self, width, n_head):
        super().__init__()
        self.attn_norm, self.attn = nn.LayerNorm(width), Attention(width, n_head)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.Hardswish(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attn(self.attn_norm(x))
        return x + self.mlp(self.mlp_norm(x))


class FrugalLM(nn.Module):
    def __init__(self, vocab, width=64, n_head=8, n_layer=2, n_positions=128):
        super().__init__()
        self.n_positions = n_positions
        self.tokens = nn.Embedding(vocab, width)
        self.positions = nn.Embedding(n_positions, width)
        self.embedding_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList([Block(width, n_head) for _ in range(n_layer)])
        self.final_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab, bias=False)

    def forward(self, idx):
        x = self.tokens(idx) + self.positions(torch.arange(idx.shape[1]))
        x = self.embedding_norm(x)
        for block in self.blocks:
            if self.training and torch.is_grad_enabled():
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return self.head(self.final_norm(x))


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = FrugalLM(len(tokenizer.chars))
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


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    out = tokenizer.encode(prompt)
    while max_new_tokens > 0:
        context = torch.tensor(out[-model.n_positions :]).unsqueeze(0)
        out = out + [model(context)[0, -1].argmax().item()]
        max_new_tokens -= 1
    return tokenizer.decode(out)


if __name__ == "__main__":
    sentence = "forget it now and do it again later"
    model, tokenizer, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
